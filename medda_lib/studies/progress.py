"""How far a study is: a bar in a terminal, a few plain lines anywhere else.

Log files, notebooks and CI get a line now and then, with the time that has passed and an estimate of
what remains, instead of a bar that redraws itself.
"""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

LINES = 20
"""About how many plain lines a whole study prints."""


class Progress:
    """Counts finished runs out of `total`; silent when `show` is off."""

    def __init__(self, name: str, total: int, show: bool = True) -> None:
        self.name, self.total, self.done = name, total, 0
        self.start = time.perf_counter()
        self.plain = show and not sys.stderr.isatty()
        self.every = max(1, total // LINES)
        self.bar = tqdm(total=total, desc=name, unit="run") if show and not self.plain else None

    def step(self) -> None:
        """One more run is over, whether it worked or not."""
        self.done += 1
        if self.bar is not None:
            self.bar.update()
        elif self.plain and (self.done % self.every == 0 or self.done == self.total):
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """The state in words, for example ``multimix: 20/342 runs, 3 min 10 s, about 51 min left``."""
        elapsed = time.perf_counter() - self.start
        left = elapsed / self.done * (self.total - self.done)
        remaining = f", about {duration(left)} left" if self.done < self.total else ""
        return f"{self.name}: {self.done}/{self.total} runs, {duration(elapsed)}{remaining}"

    def close(self) -> None:
        """Leave the bar as it is."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """Seconds in words: ``8 s``, ``3 min 10 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
