"""Where checkers and workers come from: a process that imports torch once and forks for each.

Importing torch takes seconds, a fork milliseconds. The nursery never sees a master or a
submission, so neither does a worker find one in the memory that it inherits. It is started as
`python -m medda_lib.assignments.nursery <socket> <module> ...` with an environment of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys

import torch

from medda_lib.assignments import checker, keeper
from medda_lib.assignments.limits import Limits

ORDER_BYTES = 4096


def main(number: int, modules: list[str]) -> None:
    """Fork a checker or a worker for each order that comes through a socket; end with it."""
    orders = socket.socket(fileno=number)
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # the cell that wants it will say so
    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child ended
    orders.sendall(b"ready")
    while True:
        data, numbers, _, _ = socket.recv_fds(orders, ORDER_BYTES, 2)
        if not data:
            return
        if not os.fork():
            orders.close()
            _become(json.loads(data), [socket.socket(fileno=n) for n in numbers])
        for n in numbers:
            os.close(n)


def _become(order: dict[str, object], sockets: list[socket.socket]) -> None:
    """In the new process; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        limits = Limits(**order["limits"])  # type: ignore[arg-type]
        if order["role"] == "checker":
            job, orders = sockets
            checker.main(job, orders)
        else:
            channel, leash = sockets
            keeper.main(channel, leash, limits, protected=bool(order["protected"]))
    finally:
        os._exit(0)


def _warm() -> None:
    """Do once what torch does when it is first used."""
    torch.set_num_threads(1)
    weight = torch.ones(2, 2, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(weight.softmax(1), torch.tensor([0, 1]))
    torch.autograd.grad(loss, weight)
    torch.random.manual_seed(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
