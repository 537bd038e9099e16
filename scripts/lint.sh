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
not_run=$(git ls-files -s | sed -n 's/^100644 [^\t]*\t//p' | while read -r file; do
  head -n 1 "$file" | grep -aq '^#!' && echo "  $file"
done || true)
[ -z "$not_run" ] || { printf 'lint: begins with #! and cannot be run (chmod +x):\n%s\n' "$not_run" >&2; exit 1; }
