#!/usr/bin/env bash
# Runs the test suite under ASan and UBSan, and the tests of everything that runs in threads under TSan.
#   scripts/sanitize.sh [asan|tsan]...     default: both
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
presets=("$@")
[ $# -gt 0 ] || presets=(asan tsan)
bash scripts/setup.sh build test

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:second_deadlock_stack=1
export OPENBLAS_NUM_THREADS=1  # OpenBLAS is not instrumented; ours are the threads to be watched
for preset in "${presets[@]}"; do
  bash scripts/build.sh "$preset" bcbench bcbench_tests
  select=()
  [ "$preset" != tsan ] || select=(-R 'thread|parallel|jobs|tile|kill|Ctrl-C|interrupt|resume|checkpoint')
  ctest --test-dir "build/$preset" --output-on-failure --progress -j "$(nproc)" "${select[@]}" ||
    { echo "sanitize: a test failed under $preset; its output is above." >&2; exit 1; }
done
