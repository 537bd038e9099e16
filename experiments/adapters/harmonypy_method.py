"""Harmony (Korsunsky et al. 2019) by the package harmonypy, as a method of bcbench."""
import json
import sys
import time
from pathlib import Path

import harmonypy
import numpy as np
import pandas as pd

source, target = Path(sys.argv[1]), Path(sys.argv[2])
settings = json.loads((source / "params.json").read_text())
cells = np.load(source / "cells.npy")
obs = pd.read_csv(source / "obs.csv", dtype=str, keep_default_na=False)

start = time.perf_counter()
harmony = harmonypy.run_harmony(cells, obs, "batch", random_state=settings["seed"], verbose=False, **settings["params"])
seconds = time.perf_counter() - start

corrected = np.asarray(harmony.Z_corr)
if corrected.shape != cells.shape:  # harmonypy before 2.0 has a column per cell
    corrected = corrected.T
np.save(target / "corrected.npy", corrected)
obs[["cell"]].to_csv(target / "cells.csv", index=False)
(target / "timings.json").write_text(json.dumps({"fit": seconds}))
