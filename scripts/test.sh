#!/usr/bin/env bash
# Runs every test: sets up, checks the form of the sources, builds in release mode with warnings as errors, runs CTest, the
# tests of the report and of the Python package, CTest again under ASan and UBSan, and each fuzz target for five seconds.
# (scripts/sanitize.sh tsan: the suite under TSan.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build python report test fuzz
bash scripts/lint.sh
bash scripts/build.sh test all bcbench_benchmarks
bash scripts/h5ad_samples.sh
echo "test: ctest"
ctest --test-dir build/test --no-tests=error --output-on-failure --progress -j "$(nproc)" ||
  { echo "test: at least one test failed; its output is above." >&2; exit 1; }
echo "test: report"
bash scripts/test_report.sh ||
  { echo "test: the report's tests failed; their output is above." >&2; exit 1; }
echo "test: python"
bash scripts/test_python.sh ||
  { echo "test: the Python package's tests failed; their output is above." >&2; exit 1; }
echo "test: ctest under ASan and UBSan"
bash scripts/sanitize.sh asan
bash scripts/fuzz.sh 5
echo "test: all passed, in $((SECONDS / 60)) minutes"
