"""Runs the program on .h5ad files that the real anndata made, and opens what it wrote back:
check_run.py PROGRAM FOLDER ARCHIVES [DATA].  ARCHIVES holds scanpy's pbmc68k_reduced as anndata 0.5 wrote it; DATA the
tables of pbmc_3500. Fails where a copy is not the original with the corrected cells and metrics of every point."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def run(program, folder, name, params):
    """The results directory of three methods on FOLDER/name.h5ad."""
    config = {
        "schema_version": 1,
        "name": name,
        "datasets": [{"label": name, "type": "h5ad", "params": {"file": f"{name}.h5ad", **params}}],
        "methods": [
            {"label": "Uncorrected", "type": "uncorrected"},
            {"label": "ComBat", "type": "combat"},
            {"label": "Harmony", "type": "harmony", "sweep": {"grid": {"theta": [1, 2]}}},
        ],
        "metrics": ["batch_mixing_entropy", "mean_shift"],
        "outputs": {"h5ad": True},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [program, "run", folder / "config.json", "--out", folder / name, "--quiet", "--jobs", "2"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / name


def check_embeddings(program, folder, name, params):
    """Method embedding: the cells of an obsm key, those of a sample and a subset at their rows, score unchanged."""
    original = ad.read_h5ad(folder / f"{name}.h5ad")
    config = {
        "schema_version": 1,
        "name": "embeddings",
        "datasets": [{"label": "some", "type": "h5ad", "seed": 3, "params": {"file": f"{name}.h5ad", **params}}],
        "methods": [
            {"label": "Uncorrected", "type": "uncorrected"},
            {"label": "theirs", "type": "embedding", "params": {"obsm": "X_umap"}},
            {"label": "same", "type": "embedding", "params": {"obsm": "X_pca"}},
        ],
        "metrics": ["mean_shift", "type_purity"],
        "outputs": {"h5ad": True},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    out = folder / "embeddings_out"
    command = [program, "run", folder / "config.json", "--out", out, "--quiet", "--fresh"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    copy = ad.read_h5ad(out / "embeddings" / "some.h5ad")
    umap, own = copy.obsm["X_umap"], original.obsm["X_umap"]
    assert np.array_equal(umap, own), "the key of the file changed"
    taken = np.load(out / "embeddings" / "some.theirs.npy")
    there = np.isfinite(copy.obsm["X_Uncorrected"]).all(axis=1)
    assert there.sum() == len(taken) < len(own), "a sample was asked for"
    assert original.obs[params["subset_column"]][there].isin(params["subset"]).all()
    assert np.array_equal(taken, own[there].astype(np.float64)), "other cells, or in another order"
    values = pd.read_csv(out / "metrics.csv").pivot_table("value", "metric", "point")
    assert (values["some.same"] == values["some.Uncorrected"]).all(), "the same cells are scored otherwise"
    assert (values["some.theirs"] != values["some.Uncorrected"]).any()
    print(f"{name}: {len(taken)} of {len(own)} cells of obsm/X_umap scored")


def check(folder, out, name):
    original, copy = ad.read_h5ad(folder / f"{name}.h5ad"), ad.read_h5ad(out / "embeddings" / f"{name}.h5ad")
    assert original.obs.equals(copy.obs) and original.var.equals(copy.var), "obs or var changed"
    for key in original.obsm:
        assert np.array_equal(original.obsm[key], copy.obsm[key]), key
    metrics = pd.read_csv(out / "metrics.csv", float_precision="round_trip")
    points = metrics.point.unique()
    assert len(points) == 4, points
    results = copy.uns["bcbench"]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert results["config_hash"] == manifest["config_hash"]
    for point in points:
        label = point.removeprefix(f"{name}.")
        cells = np.load(out / "embeddings" / f"{point}.npy")
        assert np.array_equal(copy.obsm[f"X_{label}"], cells.astype(np.float32)), label
        rows = metrics[(metrics.point == point) & metrics.value.notna()]
        assert dict(zip(rows.metric, rows.value)) == dict(results["points"][label]["metrics"]), label
    assert np.allclose(copy.obsm["X_Uncorrected"], original.obsm["X_pca"])
    print(f"{name}: {len(points)} points in {sorted(set(copy.obsm) - set(original.obsm))}")


def main():
    program, folder, archives = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    ad.read_h5ad(archives / "v0.5.0" / "adata.h5ad").write_h5ad(folder / "pbmc68k_reduced.h5ad")
    out = run(program, folder, "pbmc68k_reduced", {"batch_column": "phase", "type_column": "bulk_labels"})
    check(folder, out, "pbmc68k_reduced")
    labels = {"batch_column": "phase", "type_column": "bulk_labels"}
    some = {"subset_column": "phase", "subset": ["G1", "S"], "n_cells": 200}
    check_embeddings(program, folder, "pbmc68k_reduced", {**labels, **some})
    if len(sys.argv) > 4:
        data = Path(sys.argv[4])
        pcs = pd.read_csv(data / "pbmc_3500_pcs.tsv.gz", sep="\t")
        obs = pd.read_csv(data / "pbmc_3500_meta.tsv.gz", sep="\t").astype(str)
        adata = ad.AnnData(obs=obs, obsm={"X_pca": pcs.to_numpy(np.float32)})
        adata.write_h5ad(folder / "pbmc_3500.h5ad", compression="gzip")
        check(folder, run(program, folder, "pbmc_3500", {"batch_column": "donor"}), "pbmc_3500")


main()
