"""`python -m medda_lib`: the `medda` command where its script is not on PATH."""

from __future__ import annotations

from medda_lib.cli import main

if __name__ == "__main__":
    main()
