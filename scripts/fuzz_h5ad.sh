#!/usr/bin/env bash
# Damages data files at random (.h5ad, Matrix Market, 10x folders, .npy) and reads each: the program must refuse it or read
# it, never crash or hang. Those that were read although they are damaged are read again by others: h5py, whose library is
# another version, SciPy and NumPy. Where both read, they must agree.
#   scripts/fuzz_h5ad.sh [N [SEED]]     N .h5ad files of each of seven kinds of damage, default 200; 4 N of the others
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
count=${1:-200}
bash scripts/setup.sh build
bash scripts/build.sh test bcbench bcbench_tests
bash scripts/h5ad_samples.sh
export OPENBLAS_NUM_THREADS=1 BCBENCH_MUTATIONS=$count BCBENCH_MUTATIONS_SEED=${2:-1}
failed=0
# a comma in a name would separate two patterns
for test in "h5ad: changed files*" "h5ad: copies of changed*" "matrix market: changed*" "10x: changed*" "npy: changed*"; do
  kept=build/h5ad/mutations
  rm -rf "$kept"
  mkdir -p "$kept"
  echo "fuzz_h5ad: $test"
  BCBENCH_MUTATIONS_KEEP=$kept build/test/tests/bcbench_tests --warn NoTests "$test" || failed=1
  if [ -n "$(ls "$kept")" ] && [ -x build/h5ad/venv/bin/python ]; then
    echo "fuzz_h5ad: the same by other readers"
    build/h5ad/venv/bin/python tests/harness/h5ad/compare_mutations.py "$kept" || failed=1
  fi
done
exit $failed
