"""What computes: the processor, the GPU, and the instruction set on which a number's last bits depend.

Equal code and equal seeds give equal bits where the same instructions run. Kernels are chosen by the
processor's make, model and vector units, and two environment variables can hold PyTorch and oneDNN to
older units, so all of these stand in `instruction_set`.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

import torch

EXTRAS = ("avx512_bf16", "avx512_fp16", "amx_bf16")
"""Units that processors of one model may have or not, as a virtual machine shows them."""
LIMITS = ("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES")
"""Variables that hold a library to older instructions; PyTorch's own shows in its capability."""


@cache
def cpu() -> str:
    """The processor's model, as the system names it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def gpu(device: str) -> str | None:
    """The name of the GPU that `device` means; None on the CPU."""
    if torch.device(device).type != "cuda":
        return None
    return torch.cuda.get_device_name(torch.device(device))


def instruction_set() -> str:
    """Where bits can be expected to be equal, for example ``x86_64 GenuineIntel 6-143 AVX512``."""
    info = _cpuinfo()
    extras = [name for name in EXTRAS if name in info.get("flags", "").split()]
    model = f"{info['cpu family']}-{info['model']}" if "cpu family" in info else cpu()
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name)]
    words = [platform.machine(), info.get("vendor_id", ""), model]
    words += [torch.backends.cpu.get_cpu_capability(), *extras, *limits]
    return " ".join(word for word in words if word)


@cache
def _cpuinfo() -> dict[str, str]:
    """The first processor's lines of Linux's table; empty on other systems."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    lines = file.read_text(errors="replace").partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}
