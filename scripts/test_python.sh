#!/usr/bin/env bash
# Installs the wheel into a fresh environment and runs tests/python there. The wheel takes libraries and program from
# build/test, which scripts/test.sh has built: only the module is compiled.
#   scripts/test_python.sh [--torch] [PYTEST_ARGUMENT...]
# --torch: with PyTorch, whose gradient checks are skipped otherwise: it brings 3 GB of libraries for graphics cards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh build python
environment=build/python-test
further=(jax==0.10.2 mypy==2.4.1 matplotlib==3.11.2)
if [ "${1:-}" = --torch ]; then
  further+=(torch==2.15.0)
  shift
fi
rm -rf "$environment"
if ! { /usr/bin/python3 -m venv "$environment" && "$environment/bin/python" -m pip install --quiet --timeout 10 --retries 1 \
  --disable-pip-version-check scikit-build-core==1.1.2 nanobind==3.1.0 numpy pandas anndata==0.12.19 pytest; }; then
  echo "test_python: no environment with the packages it needs could be made: the tests of the Python package are SKIPPED" >&2
  exit 0
fi
"$environment/bin/python" -m pip install --quiet --timeout 10 --retries 1 --disable-pip-version-check "${further[@]}" ||
  echo "test_python: no ${further[*]} to be had: what needs one of them is SKIPPED" >&2
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
  --config-settings "cmake.define.BCBENCH_PREBUILT=$PWD/build/test" .
cd tests/python # away from the sources: what is tested is what was installed
exec "../../$environment/bin/python" -m pytest -q -rs -p no:cacheprovider . "$@"
