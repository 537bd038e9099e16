#!/usr/bin/env bash
# Damages .h5ad files at random and reads each: the program must refuse it or read it, never crash or hang. Files that were
# read although they are damaged are read again by h5py, whose library is another version; where both read, they must agree.
#   scripts/fuzz_h5ad.sh [N [SEED]]     N files of each of six kinds of damage, default 200
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
count=${1:-200}
bash scripts/setup.sh build
bash scripts/build.sh test bcbench bcbench_tests
bash scripts/h5ad_samples.sh
kept=build/h5ad/mutations
rm -rf "$kept"
mkdir -p "$kept"
OPENBLAS_NUM_THREADS=1 BCBENCH_H5AD_MUTATIONS=$count BCBENCH_H5AD_SEED=${2:-1} BCBENCH_H5AD_KEEP=$kept \
  build/test/tests/bcbench_tests "h5ad: changed files are refused or read, and never harm"
[ -x build/h5ad/venv/bin/python ] || exit 0
echo "fuzz_h5ad: the same by h5py"
build/h5ad/venv/bin/python tests/harness/h5ad/compare_mutations.py "$kept"
