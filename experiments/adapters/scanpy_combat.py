"""ComBat (Johnson et al. 2007) by scanpy, as a method of bcbench."""
import json
import sys
import time
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scanpy

source, target = Path(sys.argv[1]), Path(sys.argv[2])
cells = np.load(source / "cells.npy")
obs = pd.read_csv(source / "obs.csv", dtype=str, keep_default_na=False).set_index("cell", drop=False)
obs["batch"] = obs["batch"].astype("category")

start = time.perf_counter()
data = anndata.AnnData(cells, obs=obs)
scanpy.pp.combat(data, key="batch")
seconds = time.perf_counter() - start

np.save(target / "corrected.npy", np.asarray(data.X))
data.obs_names.to_frame(name="cell").to_csv(target / "cells.csv", index=False)
(target / "timings.json").write_text(json.dumps({"fit": seconds}))
