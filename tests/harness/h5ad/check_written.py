"""Opens a file that write_h5ad wrote with the real anndata: check_written.py ORIGINAL COPY. Prints what differs."""
import sys
import warnings

import anndata as ad
import numpy as np

warnings.filterwarnings("ignore")
original, copy = (ad.read_h5ad(name) for name in sys.argv[1:])
assert original.obs.equals(copy.obs), "obs changed"
assert original.var.equals(copy.var), "var changed"
for key in original.obsm:
    assert isinstance(copy.obsm[key], type(original.obsm[key])), key
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
copy.write_h5ad(sys.argv[2] + ".again")  # anndata can write what it has read
print("the copy is as anndata wants it")
