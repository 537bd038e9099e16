#!/usr/bin/env bash
# Runs the test suite under ASan and UBSan, and under TSan.
#   scripts/sanitize.sh [asan|tsan|kills]...     default: asan and tsan
# kills: 200 runs killed at random moments and resumed, with the program of the tests as it is (minutes).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kinds=("$@")
[ $# -gt 0 ] || kinds=(asan tsan)
bash scripts/setup.sh build test fuzz

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:allocator_may_return_null=1
export OPENBLAS_NUM_THREADS=1  # OpenBLAS is not instrumented; ours are the threads to be watched
for kind in "${kinds[@]}"; do
  case $kind in
    asan) preset=fuzz ;;  # ASan and UBSan with clang: scripts/fuzz.sh uses the same build
    tsan) preset=tsan ;;
    kills)
      bash scripts/build.sh test bcbench
      tests/harness/run/kill_resume.sh build/test/bcbench 200
      continue ;;
    *) echo "sanitize: there are asan, tsan and kills, not $kind" >&2; exit 2 ;;
  esac
  bash scripts/build.sh "$preset"
  ctest --test-dir "build/$preset" --no-tests=error --output-on-failure --progress -j "$(nproc)" ||
    { echo "sanitize: a test failed under $kind; its output is above." >&2; exit 1; }
done
