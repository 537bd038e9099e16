#!/usr/bin/env bash
# limited_memory.sh BCBENCH CONFIG RUNS: under random limits of the address space (100 MB to 2 GB) and 1 to 16 jobs,
# every run ends by itself in under a minute with results or a sentence. The random numbers are the same each time.
set -euo pipefail
bcbench=$1; config=$2; runs=${3:-50}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
RANDOM=14
wrong=0
for ((i = 1; i <= runs; ++i)); do
  kibibytes=$((100000 + (RANDOM * 32768 + RANDOM) % 1900000))
  jobs=$((1 + RANDOM % 16))
  code=0
  (ulimit -v "$kibibytes" && exec timeout --kill-after=5 60 "$bcbench" run "$config" --fresh --quiet --jobs "$jobs" \
    --out "$directory/out") >"$directory/stdout" 2>"$directory/stderr" || code=$?
  sentence=$(grep -v '^$' "$directory/stderr" | tail -1 || true)
  echo "$i: ulimit -v $kibibytes --jobs $jobs: exit $code: ${sentence:0:150}"
  if [[ $code -gt 4 && $code -ne 127 || -z $sentence ]]; then wrong=$((wrong + 1)); fi  # 127: not even loaded
done
echo "$wrong of $runs runs did not end by themselves with a sentence"
[[ $wrong -eq 0 ]]
