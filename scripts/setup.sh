#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, if any is missing. Called by the other scripts.
#   scripts/setup.sh [build] [python] [package] [report] [test] [bench] [fuzz]     default: build
set -euo pipefail

declare -A packages=(
  [build]="g++ cmake ninja-build ccache git libarmadillo-dev libopenblas-pthread-dev nlohmann-json3-dev libcli11-dev
           librandom123-dev libboost-dev libhwy-dev libxxhash-dev zlib1g-dev libhdf5-dev liblzf-dev libzstd-dev nettle-dev
           catch2 libbenchmark-dev"
  [python]="python3-dev python3-venv"
  [report]="python3 python3-matplotlib python3-jinja2"
  [test]="python3-pytest python3-jsonschema flake8 mypy chromium shellcheck clang-format"
  [package]="dpkg-dev"
  [bench]="libfaiss-dev python3"
  [fuzz]="clang libclang-rt-14-dev"
)

missing=()
for group in "${@:-build}"; do
  for package in ${packages[$group]}; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: missing ${missing[*]}, and this is no Debian system: install them by hand." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: missing ${missing[*]}; run this script as root, or install sudo." >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -qq &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "setup: apt-get could not install ${missing[*]}; the lines above say why (whole log: $log)." >&2
  exit 1
fi
rm -f "$log"
