"""A progress bar for a live training that leaves one fixed line in a saved notebook.

The usual bars print speed and time, which differ at each run, or leave a widget that means nothing
on a page without a kernel. This one updates a single output and ends as plain words; it is a progress
callback (`Run.progress`), and keeps the losses it was told for a training curve.
"""

from __future__ import annotations

import html
import math

from IPython.display import display

Losses = dict[str, float]


class Progress:
    """Call it as `progress(step, steps, losses)`; `updates` bounds how often the output is redrawn."""

    def __init__(self, label: str, updates: int = 25) -> None:
        self.label = label
        self.updates = updates
        self.steps: list[int] = []
        self.losses: list[Losses] = []
        self._output = display(self._bundle(0, 1, "starting"), raw=True, display_id=True)

    def __call__(self, step: int, steps: int, losses: Losses) -> None:
        """Record the losses of a step (1 .. steps) and redraw the bar when it has moved enough."""
        self.steps.append(step)
        self.losses.append(dict(losses))
        every = max(1, math.ceil(steps / self.updates))
        if self._output is not None and (step % every == 0 or step >= steps):
            words = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
            text = f"step {step} of {steps}" + (f": {words}" if words else "")
            self._output.update(self._bundle(step, steps, text), raw=True)

    def curves(self) -> dict[str, tuple[list[int], list[float]]]:
        """Each loss as (steps, values), for `training_curves`; steps without it are left out."""
        names = dict.fromkeys(name for losses in self.losses for name in losses)
        pairs = list(zip(self.steps, self.losses, strict=True))
        return {
            name: ([s for s, x in pairs if name in x], [x[name] for _, x in pairs if name in x])
            for name in names
        }

    def _bundle(self, step: int, steps: int, text: str) -> dict[str, str]:
        line = f"{self.label}: {text}"
        bar = f'<progress max="{steps}" value="{step}" aria-label="{html.escape(self.label)}">'
        return {"text/plain": line, "text/html": f"<div>{bar}</progress> {html.escape(line)}</div>"}
