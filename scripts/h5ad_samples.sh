#!/usr/bin/env bash
# Makes .h5ad files with the real anndata for the tests: build/h5ad/samples. Needs Python and access to PyPI, once; without
# them it says so and succeeds, and the tests that want the files are skipped.
#   scripts/h5ad_samples.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
anndata=0.12.19
home=build/h5ad
script=tests/harness/h5ad/make_samples.py
stamp="$anndata $(cksum "$script")"
[ -f "$home/stamp" ] && [ "$(cat "$home/stamp")" = "$stamp" ] && exit 0

mkdir -p "$home"
without() {
  echo "h5ad_samples: $1; tests with files of the real anndata will be skipped (log: $home/log)" >&2
  exit 0
}
if [ ! -x "$home/venv/bin/python" ] || ! "$home/venv/bin/python" -c 'import anndata, hdf5plugin' 2>/dev/null; then
  { python3 -m venv "$home/venv" && "$home/venv/bin/pip" install --quiet --disable-pip-version-check --timeout 10 --retries 1 \
      "anndata==$anndata" hdf5plugin; } >"$home/log" 2>&1 || without "no environment with anndata $anndata could be made"
fi
# old files are only in the source package
archives=$home/anndata-$anndata/tests/data/archives
if [ ! -d "$archives" ]; then
  "$home/venv/bin/pip" download --quiet --disable-pip-version-check --timeout 10 --retries 1 --no-deps --no-binary :all: \
    --dest "$home" "anndata==$anndata" >"$home/log" 2>&1 && tar -xzf "$home/anndata-$anndata.tar.gz" -C "$home" ||
    echo "h5ad_samples: the source package of anndata is not to be had; files of old versions will not be tested" >&2
fi
rm -rf "$home/samples"
"$home/venv/bin/python" "$script" "$home/samples" "$archives" >"$home/log" 2>&1 || {
  tail -n 20 "$home/log" >&2
  echo "h5ad_samples: $script failed; the lines above say why." >&2
  exit 1
}
echo "h5ad_samples: $(tail -n 1 "$home/log")"
echo "$stamp" >"$home/stamp"
