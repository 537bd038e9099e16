#!/usr/bin/env bash
# Kills runs at random moments (kill -9) and resumes them: every file that is there after a kill must be whole, and the
# results in the end the same, byte for byte, as those of a run nobody disturbed.
#   tests/harness/kill_resume.sh PROGRAM [KILLS [SEED]]     default: 20 kills, seed 1
set -euo pipefail
program=$1
kills=${2:-20}
RANDOM=${3:-1}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/config.json" <<'JSON'
{"schema_version": 1, "name": "kill_resume",
 "datasets": [{"label": "a", "type": "gaussian_batches", "seeds": [1, 2], "params": {"n_cells_per_batch": 150}},
              {"label": "b", "type": "gaussian_batches", "params": {"batch_shifts": [0, 1, 2]}}],
 "methods": [{"label": "Uncorrected", "type": "uncorrected"},
             {"label": "Harmony", "type": "differentiable_harmony", "seeds": [0, 1], "params": {"n_clusters": 20},
              "sweep": {"grid": {"n_iterations": [1, 5, 10], "sigma": [0.1, 0.2]}}},
             {"label": "MMD", "type": "mmd_autoencoder"}],
 "metrics": ["batch_mixing_entropy", "mean_shift"],
 "outputs": {"embeddings": true}}
JSON

run() { "$program" run "$scratch/config.json" --quiet --threads 2 --out "$@" >/dev/null 2>>"$scratch/errors"; }
run "$scratch/undisturbed"
files=$(find "$scratch/undisturbed/points" "$scratch/undisturbed/embeddings" -type f | wc -l)

# every finished file of $1 is that of the undisturbed run
check_whole() {
  local file
  for file in "$1"/points/*.json "$1"/embeddings/*.npy; do
    [ -e "$file" ] || continue
    cmp -s "$file" "$scratch/undisturbed/${file#"$1"/}" || { echo "kill_resume: ${file##*/} is not whole" >&2; exit 1; }
  done
}

killed=0
finished=0
disturbed=$scratch/disturbed
while [ "$killed" -lt "$kills" ]; do
  "$program" run "$scratch/config.json" --quiet --out "$disturbed" --jobs $((1 + RANDOM % 3)) >/dev/null 2>>"$scratch/errors" &
  process=$!
  sleep "0.$(printf %03d $((RANDOM % 350)))"
  if kill -9 "$process" 2>/dev/null; then killed=$((killed + 1)); fi
  status=0
  wait "$process" 2>/dev/null || status=$?
  check_whole "$disturbed"
  if [ "$status" -eq 0 ]; then  # it came to its end: take away some points, so that there is something to resume
    finished=$((finished + 1))
    for file in "$disturbed"/points/*.json; do
      if [ $((RANDOM % 2)) -eq 0 ]; then rm "$file"; fi
    done
  fi
done

run "$disturbed"
for name in metrics.csv projections.csv points embeddings; do
  diff -r "$scratch/undisturbed/$name" "$disturbed/$name" >/dev/null ||
    { echo "kill_resume: $name differs from an undisturbed run after $killed kills" >&2; exit 1; }
done
if find "$disturbed" -name '.writing-*' | grep -q .; then echo "kill_resume: temporary files are left" >&2; exit 1; fi
if [ -s "$scratch/errors" ] && grep -v 'points ok' "$scratch/errors" >&2; then exit 1; fi
echo "kill_resume: $killed kills, $finished runs that came to their end in between, $files files the same byte for byte"
