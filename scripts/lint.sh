#!/usr/bin/env bash
# Checks the form of what is no Python: C++ as .clang-format says, shell scripts by shellcheck.   scripts/lint.sh [--fix]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -t sources < <(git ls-files '*.cpp' '*.hpp')
if [ "${1:-}" = --fix ]; then
  clang-format -i "${sources[@]}"
else
  wrong=$(for file in "${sources[@]}"; do clang-format "$file" | cmp -s - "$file" || echo "  $file"; done)
  [ -z "$wrong" ] || { printf 'lint: not formatted (scripts/lint.sh --fix does it):\n%s\n' "$wrong" >&2; exit 1; }
fi
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck -S warning "${scripts[@]}" || { echo "lint: shellcheck has something to say of the scripts above." >&2; exit 1; }
