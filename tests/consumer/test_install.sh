#!/usr/bin/env bash
# Installs the engine of a build into a folder of its own, and builds and runs a program that finds it there.
#   tests/consumer/test_install.sh BUILD_DIRECTORY
set -euo pipefail
build=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --component engine --prefix "$scratch/prefix" >/dev/null
if grep -rn '"engine/' "$scratch/prefix/include"; then
  echo "test_install: the headers above include what is not installed" >&2
  exit 1
fi
cmake -S "$here" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$scratch/build" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
"$scratch/build/consumer" | tee "$scratch/out"
# each public header by itself, as a user may include it
for header in $(cd "$scratch/prefix/include" && find bcbench -name '*.hpp' | sort); do
  printf '#include <%s>\nint main() {}\n' "$header" >"$scratch/alone.cpp"
  "${CXX:-g++}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I "$scratch/prefix/include" "$scratch/alone.cpp" ||
    { echo "test_install: <$header> cannot be included by itself" >&2; exit 1; }
done
[[ $(cat "$scratch/out") =~ ^0\.[0-9]+\ 0\.[0-9]+$ ]] || { echo "test_install: the program printed something else" >&2; exit 1; }
