#!/usr/bin/env bash
# Feeds arbitrary input to everything that reads a file, under ASan and UBSan: libFuzzer, each target for some seconds.
#   scripts/fuzz.sh [SECONDS [TARGET...]]     default: 30 seconds; config, table, npz and results
# New inputs of interest go to build/fuzz/found/TARGET, an input that breaks a reader to build/fuzz/findings/TARGET.
# To keep what was found:  fuzz_TARGET -merge=1 tests/fuzz/corpus/TARGET build/fuzz/found/TARGET
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-30}
shift || true
targets=("$@")
[ $# -gt 0 ] || targets=(config table npz results)
bash scripts/setup.sh build fuzz
bash scripts/build.sh fuzz "${targets[@]/#/fuzz_}"

export ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=16  # most of the time is allocations
for target in "${targets[@]}"; do
  found=build/fuzz/found/$target findings=build/fuzz/findings/$target
  mkdir -p "$found" "$findings"
  log=build/fuzz/$target.log
  # long enough for the largest seed, short enough for thousands of inputs a second
  if ! "build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -entropic=0 -timeout=10 -rss_limit_mb=4096 \
      -print_final_stats=1 -artifact_prefix="$findings/" "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $target broke; the input is in $findings, the whole log in $log." >&2
    exit 1
  fi
  echo "fuzz: $target $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, no finding"
done
