#!/usr/bin/env bash
# Reproduces the documented experiment: installs what is missing, builds in release mode, runs, prints the tables and
# writes the report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build report
bash scripts/build.sh release bcbench
echo "run: configs/documented.json"
build/release/bcbench run configs/documented.json --quiet || {
  code=$?
  echo "reproduce: the run ended with exit code $code (1: a value or check differs, 3: a point failed); the tables above say where." >&2
  exit "$code"
}
echo "report: scripts/report.py results/documented"
scripts/report.py results/documented || {
  echo "reproduce: the tables above stand, but the report could not be written." >&2
  exit 1
}
