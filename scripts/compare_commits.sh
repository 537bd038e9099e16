#!/usr/bin/env bash
# Builds two revisions, runs one config with both in turns on this machine, and compares values and times.
#   scripts/compare_commits.sh REV_A REV_B CONFIG [OPTIONS OF bcbench compare...]     e.g. --times --format md
# ROUNDS (default 7) is how often each one runs: times need at least 4 rounds to say anything, more if there are many points.
set -euo pipefail
if [ $# -lt 3 ]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
[ -f "$3" ] || { echo "compare_commits: there is no config '$3'" >&2; exit 2; }
base=$1 candidate=$2 config=$(realpath -e "$3")
shift 3
rounds=${ROUNDS:-7}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
  echo "compare_commits: warning: changes that are not committed are part of neither side" >&2
bash scripts/setup.sh build

trees=$(mktemp -d)
cleanup() {
  for tree in "$trees"/*/; do git worktree remove --force "$tree" 2>/dev/null || true; done
  rm -rf "$trees"
  git worktree prune
}
trap cleanup EXIT
trap 'exit 130' INT TERM  # whatever is running has had the signal too

# Keeps what a build prints, and says how far it is: in place on a terminal, elsewhere at every tenth of the way.
progress() {  # side
  local line told=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$trees/log"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    if [ -t 2 ]; then
      printf '\rcompare_commits: built %s of %s parts of %s' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "$1" >&2
    elif [ $((10 * BASH_REMATCH[1] / BASH_REMATCH[2])) -gt "$told" ]; then
      told=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      echo "compare_commits: built ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} parts of $1" >&2
    fi
  done
  [ ! -t 2 ] || echo >&2
}

declare -A commit
for side in base candidate; do
  commit[$side]=$(git rev-parse --verify --quiet "${!side}^{commit}") ||
    { echo "compare_commits: there is no revision '${!side}'" >&2; exit 2; }
  git worktree add --quiet --detach "$trees/$side" "${commit[$side]}"
  echo "compare_commits: building $side ${!side} (${commit[$side]:0:10})" >&2
  export CCACHE_BASEDIR=$trees/$side CCACHE_NOHASHDIR=1  # what both have in common is compiled once, where ccache is used
  cmake -S "$trees/$side" -B "$trees/$side/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$trees/log" 2>&1 &&
    cmake --build "$trees/$side/build/release" --target bcbench 2>&1 | progress "$side" ||
    { tail -n 20 "$trees/log" >&2; echo "compare_commits: $side does not build; the lines above say why." >&2; exit 2; }
done

out=results/compare/${commit[base]:0:10}-${commit[candidate]:0:10}-$(basename "$config" .json)
rm -rf "$out"
mkdir -p "$out"
run() {  # side round
  local directory="$out/$1" code=0
  [ "$2" -eq 1 ] || directory="$trees/$1.$2"
  "$trees/$1/build/release/bcbench" run "$config" --fresh --quiet --out "$directory" >/dev/null 2>"$trees/log" || code=$?
  case $code in
    0 | 1 | 3) ;;  # points may fail and checks not hold: what became of them is for the comparison to say
    2) cat "$trees/log" >&2; echo "compare_commits: $1 cannot run this config" >&2; exit 2 ;;
    *) cat "$trees/log" >&2; echo "compare_commits: $1 crashed (exit status $code); its last words are above" >&2; exit 2 ;;
  esac
  [ "$2" -eq 1 ] && return
  tail -n +2 "$directory/timings.csv" >>"$out/$1/timings.csv"
  cmp -s "$directory/metrics.csv" "$out/$1/metrics.csv" ||
    echo "compare_commits: warning: $1 gives other values in round $2 than in round 1" >&2
  rm -rf "$directory"
}
for round in $(seq "$rounds"); do
  echo "compare_commits: round $round of $rounds, $SECONDS s so far" >&2
  if [ $((round % 2)) -eq 1 ]; then
    run base "$round"; run candidate "$round"
  else
    run candidate "$round"; run base "$round"
  fi
done

comparing=candidate  # unless it is older than the comparison
"$trees/candidate/build/release/bcbench" compare --help >/dev/null 2>&1 || comparing=base
code=0
"$trees/$comparing/build/release/bcbench" compare "$out/base" "$out/candidate" "$@" || code=$?
echo "compare_commits: results in $out" >&2
exit "$code"
