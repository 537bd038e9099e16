"""Opens files that write_h5ad wrote with the real anndata: check_written.py ORIGINAL COPY [ORIGINAL COPY...].
Fails where something differs from what test_anndata.cpp asked for."""

import sys
import warnings

import anndata as ad
import numpy as np

warnings.filterwarnings("ignore")


def check(original_name, copy_name):
    original, copy = ad.read_h5ad(original_name), ad.read_h5ad(copy_name)
    assert original.obs.equals(copy.obs), "obs changed"
    assert original.var.equals(copy.var), "var changed"
    added = sorted(set(copy.obsm) - set(original.obsm))
    assert added == ["X_Harmony.n_iterations=5", "X_part"], added
    embedding = copy.obsm[added[0]]
    assert embedding.dtype == np.float32 and embedding.shape == (copy.n_obs, 3)
    assert np.array_equal(embedding, np.arange(copy.n_obs * 3, dtype=np.float32).reshape(copy.n_obs, 3))
    part = copy.obsm["X_part"]
    assert np.isnan(part[1:-1]).all() and np.array_equal(part[0], [1, 2]) and np.array_equal(part[-1], [3, 4]), part
    results = copy.uns["bcbench"]
    assert results["version"] == "0.1.0" and results["seed"] == 3 and results["checked"], results
    assert results["scores"]["mixing"] == 0.25 and list(results["labels"]) == ["x", "y"], results
    assert list(results["losses"]) == [1.5, 2.0], results
    copy.write_h5ad(copy_name + ".again")  # anndata can write what it has read


for pair in zip(sys.argv[1::2], sys.argv[2::2]):
    check(*pair)
