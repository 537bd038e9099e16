#!/usr/bin/env bash
# Kills runs at random moments (kill -9) and resumes them: every file that is there after a kill must be whole, no point
# that was finished may be lost or computed again, and the results in the end must be the same, byte for byte, as those
# of a run nobody disturbed.
#   tests/harness/run/kill_resume.sh PROGRAM [KILLS [SEED]]     default: 20 kills, seed 1; scripts/sanitize.sh kills: 200
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
              "sweep": {"random": {"n": 30, "seed": 1, "params": {"sigma": {"log_uniform": [0.01, 10]}, "n_iterations": {"choice": [1, 5, 10]}}}}},
             {"label": "MMD", "type": "mmd_autoencoder"}],
 "metrics": ["batch_mixing_entropy", "mean_shift"],
 "outputs": {"embeddings": true}}
JSON

run() { "$program" run "$scratch/config.json" --quiet --threads 2 --out "$@" >/dev/null 2>>"$scratch/errors"; }
run "$scratch/undisturbed"
files=$(find "$scratch/undisturbed/points" "$scratch/undisturbed/embeddings" -type f | wc -l)

# every finished file of $1 is that of the undisturbed run
check_whole() {
  local kind
  for kind in points embeddings; do
    [ -d "$1/$kind" ] || continue
    { diff -rq --exclude='.writing-*' "$1/$kind" "$scratch/undisturbed/$kind" || true; } |
      { grep -v "^Only in $scratch/undisturbed" || true; } >"$scratch/torn"
    if [ -s "$scratch/torn" ]; then
      cat "$scratch/torn" >&2
      echo "kill_resume: the files above are not whole" >&2
      exit 1
    fi
  done
}

# the finished points of $1 with the time each was written
points_of() { [ ! -d "$1/points" ] || find "$1/points" -name '*.json' -printf '%f %T@\n' | sort; }

killed=0
finished=0
kept=0
longest=350  # milliseconds until a kill, at most; follows the machine, so that kills fall anywhere within a run
disturbed=$scratch/disturbed
while [ "$killed" -lt "$kills" ]; do
  points_of "$disturbed" >"$scratch/before"
  "$program" run "$scratch/config.json" --quiet --out "$disturbed" --jobs $((1 + RANDOM % 3)) >/dev/null 2>>"$scratch/errors" &
  process=$!
  delay=$((RANDOM % longest))
  sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
  kill -9 "$process" 2>/dev/null || true
  status=0
  wait "$process" 2>/dev/null || status=$?
  case $status in
    0) ;;
    137) killed=$((killed + 1)) longest=$((longest + longest / 8)) ;;  # SIGKILL, as it should be
    *)
      cat "$scratch/errors" >&2
      echo "kill_resume: a resumed run ended by itself with exit status $status" >&2
      exit 1 ;;
  esac
  check_whole "$disturbed"
  points_of "$disturbed" >"$scratch/after"
  comm -23 "$scratch/before" "$scratch/after" >"$scratch/lost"
  if [ -s "$scratch/lost" ]; then
    echo "kill_resume: finished, and yet lost or computed again: $(head -n 3 "$scratch/lost" | cut -d' ' -f1 | paste -sd' ')" >&2
    exit 1
  fi
  kept=$((kept + $(wc -l <"$scratch/before")))
  if [ "$status" -eq 0 ]; then  # it came to its end: take away some points, so that there is something to resume
    finished=$((finished + 1)) longest=$((longest / 2 + 10))
    for file in "$disturbed"/points/*.json; do
      if [ $((RANDOM % 2)) -eq 0 ]; then rm "$file"; fi
    done
  fi
done

if [ "$kept" -eq 0 ]; then echo "kill_resume: no kill found a finished point, so nothing was tested" >&2; exit 1; fi
run "$disturbed"
for name in metrics.csv projections.csv points embeddings; do
  diff -r "$scratch/undisturbed/$name" "$disturbed/$name" >/dev/null ||
    { echo "kill_resume: $name differs from an undisturbed run after $killed kills" >&2; exit 1; }
done
if find "$disturbed" -name '.writing-*' | grep -q .; then echo "kill_resume: temporary files are left" >&2; exit 1; fi
if [ -s "$scratch/errors" ] && grep -v 'points ok' "$scratch/errors" >&2; then exit 1; fi
echo "kill_resume: $killed kills, $finished runs that came to their end in between, finished points met again $kept times, $files files the same byte for byte"
