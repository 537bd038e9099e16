#!/usr/bin/env bash
# Runs every test: sets up, builds in release mode with warnings as errors, and runs CTest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build report
bash scripts/build.sh test
echo "test: ctest"
ctest --test-dir build/test --output-on-failure --progress -j "$(nproc)" ||
  { echo "test: at least one test failed; its output is above." >&2; exit 1; }
