"""Scanorama (Hie et al. 2019) on the cells as they are given, as a method of bcbench."""
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import scanorama

source, target = Path(sys.argv[1]), Path(sys.argv[2])
settings = json.loads((source / "params.json").read_text())
random.seed(settings["seed"])
np.random.seed(settings["seed"])
cells = np.load(source / "cells.npy")
obs = pd.read_csv(source / "obs.csv", dtype=str, keep_default_na=False)

start = time.perf_counter()
places = [np.flatnonzero(obs["batch"] == name) for name in obs["batch"].unique()]
parts = scanorama.assemble([cells[place] for place in places], verbose=0, **settings["params"])
corrected = np.empty_like(cells)
for place, part in zip(places, parts):
    corrected[place] = part
np.save(target / "corrected.npy", corrected)
obs[["cell"]].to_csv(target / "cells.csv", index=False)
(target / "timings.json").write_text(json.dumps({"fit": time.perf_counter() - start}))
