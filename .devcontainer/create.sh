#!/usr/bin/env bash
# Runs once in a new container: the environment that `make env` would make, with torch for CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
python -m venv .venv
.venv/bin/python -m pip install --quiet --requirement .binder/requirements.txt
.venv/bin/uv pip install --python .venv/bin/python --torch-backend cpu --constraint constraints.txt \
  --editable ".[book,teaching,cluster,dev]"
touch .venv/.medda-ready # make takes the environment as it is
