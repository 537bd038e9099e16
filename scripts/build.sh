#!/usr/bin/env bash
# Configures and builds a preset.   scripts/build.sh [PRESET [TARGET...]]     default: release, everything
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release}
shift || true
echo "build: preset $preset, in build/$preset"
log=$(mktemp)
if ! cmake --preset "$preset" >"$log" 2>&1; then
  cat "$log" >&2
  echo "build: CMake could not configure preset $preset; the lines above say why." >&2
  exit 1
fi
if ! cmake --build --preset "$preset" ${1:+--target "$@"} >"$log" 2>&1; then
  grep -E 'error:|^FAILED|undefined reference' -A 5 "$log" | head -n 40 >&2 || tail -n 40 "$log" >&2
  echo "build: preset $preset does not compile; the lines above say where (whole log: $log)." >&2
  exit 1
fi
grep 'warning:' "$log" || true
rm -f "$log"
