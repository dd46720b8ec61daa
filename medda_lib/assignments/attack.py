"""What a submission can do on this host, found by trying: the code that `protection` runs.

A worker gets a cell that reads and deletes a marker file, connects to a server of ours, sends a
signal, and takes memory, processes and disk. Each attempt stops at once when it succeeds.
"""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from medda_lib.assignments.exceptions import Lost
from medda_lib.assignments.sandbox import Sandbox

CELL = """
import os, pathlib, socket, time

def able(step, *args):
    try:
        return bool(step(*args))
    except (OSError, MemoryError, RuntimeError):
        return False

def read(path):
    return pathlib.Path(path).read_text() or os.listdir(pathlib.Path(path).parent)

def write(path):
    pathlib.Path(path).unlink()
    return True

def connect(tcp, udp):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", ("127.0.0.1", udp))
    with socket.create_connection(("127.0.0.1", tcp), 1):
        return True

def kill(pid):
    os.kill(pid, 0)
    return True

def memory(megabytes):
    taken = bytearray(megabytes << 20)
    taken[::4096] = b"x" * len(taken[::4096])
    return True

def processes(count):
    started = []
    try:
        for _ in range(count):
            child = os.fork()
            if not child:
                time.sleep(30)
                os._exit(0)
            started.append(child)
        return True
    finally:
        for child in started:
            os.kill(child, 9)
            os.waitpid(child, 0)

def disk(megabytes):
    with open("big", "wb") as file:
        for _ in range(megabytes):
            file.write(bytes(2**20))
    os.remove("big")
    return True

def attempts(marker, tcp, udp, pid, count, file):
    return {
        "read": able(read, marker),
        "signal": able(kill, pid),
        "connect": able(connect, tcp, udp),
        "disk": able(disk, file),
        "processes": able(processes, count),
        "write": able(write, marker),
    }

def takes(megabytes):
    return able(memory, megabytes)
"""


def attempts(made: Sandbox) -> dict[str, bool]:
    """Attempt -> whether it succeeded."""
    from medda_lib.assignments.remote import Peer

    limits = made.limits
    with (
        tempfile.TemporaryDirectory(prefix="medda-marker-") as folder,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        made.worker() as (channel, missing),
    ):
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        marker = Path(folder) / "marker"
        marker.write_text("secret")
        for path in (folder, marker):  # anybody may, so that only walls can forbid it
            Path(path).chmod(0o777)
        channel.settimeout(60)
        ports = tcp.getsockname()[1], udp.getsockname()[1]
        sizes = limits.processes + 8, limits.file_mb + 1
        peer = Peer(channel)
        try:
            peer.ask({"op": "run", "source": CELL}, [])
            able: dict[str, Any] = peer.call({"op": "names"}, (["attempts", "takes"],), {})
            found = dict(able["attempts"](str(marker), *ports, os.getpid(), *sizes))
        except Lost as error:
            why = "; ".join(missing) or str(error)
            raise RuntimeError(f"the worker that tries the protections failed: {why}") from error
        try:
            found["memory"] = able["takes"](limits.memory_mb + 64)
        except Lost:  # killed for it
            found["memory"] = False
        found["write"] = found["write"] or not marker.exists()
        found["connect"] = bool(found["connect"]) or _arrived(udp)
    return found


def _arrived(udp: socket.socket) -> bool:
    try:
        return bool(udp.recv(1))
    except BlockingIOError:
        return False
