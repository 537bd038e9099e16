#!/bin/bash
# Checks the report: style, types, and the tests, with the interpreter that runs it.
# Needs python3-matplotlib python3-jinja2 python3-pytest python3-jsonschema flake8 mypy, and chromium for the rendering tests.
set -euo pipefail
cd "$(dirname "$0")/.."
python=/usr/bin/python3

"$python" -m flake8 --max-line-length 120 --extend-ignore E203,W503 scripts tests
"$python" -m mypy --strict --ignore-missing-imports --cache-dir "${TMPDIR:-/tmp}/bcbench-mypy-$UID" \
    scripts/report.py scripts/bcbench_report tests/plant_errors.py
if ! command -v chromium chromium-browser google-chrome >/dev/null; then
    echo "test_report: no Chromium is installed: the tests that look at the page in a browser are SKIPPED" >&2
fi
exec "$python" -m pytest -q -rs -p no:cacheprovider tests/report "$@"
