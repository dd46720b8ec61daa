"""From the source of a page to its executed notebook, and back to the question whether it still holds.

A page is written as a `.py` file in cells (jupytext's percent format): that is what is edited, reviewed
and linted. `freeze` makes the notebook beside it, `check` compares the two; pages call `show` and
`moved_on`.
"""

from medda_lib.notebooks.checking import check, moved_on
from medda_lib.notebooks.freezing import freeze, smoke
from medda_lib.notebooks.record import what_moved_on
from medda_lib.notebooks.running import NotebookError
from medda_lib.notebooks.source_view import show

__all__ = ["NotebookError", "check", "freeze", "moved_on", "show", "smoke", "what_moved_on"]
