#!/usr/bin/env bash
# Four processes work in one directory and are killed (kill -9) at random moments, each replaced by another, until the
# sweep is done; every round the results must be, byte for byte, those of one undisturbed process.
#   tests/harness/cluster/cooperate.sh PROGRAM [KILLS [SEED]]     default: 8 kills, seed 1
set -euo pipefail
program=$1
kills=${2:-8}
RANDOM=${3:-1}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
config=$(dirname "${BASH_SOURCE[0]}")/../../../configs/sweep_200.json

"$program" run "$config" --quiet --threads 1 --out "$scratch/undisturbed" >/dev/null 2>&1

start() { # slot
  "$program" run "$config" --quiet --cooperate --stale-after 1 --threads 1 --out "$scratch/shared" >/dev/null 2>"$scratch/errors.$1" &
  workers[$1]=$!
}

killed=0
rounds=0
while [ "$killed" -lt "$kills" ]; do
  rm -rf "$scratch/shared"
  rounds=$((rounds + 1))
  workers=()
  for slot in 0 1 2 3; do start $slot; done
  while [ "$killed" -lt "$kills" ] && kill -0 "${workers[@]}" 2>/dev/null; do
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    slot=$((RANDOM % 4))
    kill -9 "${workers[$slot]}" 2>/dev/null || break
    status=0
    wait "${workers[$slot]}" 2>/dev/null || status=$?
    [ "$status" -ne 137 ] || killed=$((killed + 1))
    start $slot
  done
  for slot in 0 1 2 3; do
    if ! wait "${workers[$slot]}"; then
      cat "$scratch/errors.$slot" >&2
      echo "cooperate: a process that nobody killed did not end well" >&2
      exit 1
    fi
  done
  diff -r --exclude=manifest.json --exclude=timings.csv --exclude=.lock --exclude=.claims --exclude='.writing-*' \
    "$scratch/undisturbed" "$scratch/shared" >"$scratch/difference" ||
    { head -n 5 "$scratch/difference" >&2; echo "cooperate: results differ after $killed kills" >&2; exit 1; }
  rows=$(cut -d, -f1-3 "$scratch/shared/timings.csv" | sort | uniq -d | wc -l)
  [ "$rows" -eq 0 ] || { echo "cooperate: $rows times stand twice" >&2; exit 1; }
done
echo "cooperate: $killed kills in $rounds sweeps of 200 points, the same byte for byte"
