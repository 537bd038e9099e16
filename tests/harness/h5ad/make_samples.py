"""Writes small .h5ad files with the real anndata, in every encoding it knows, and what it reads from them.

    make_samples.py DIRECTORY [ARCHIVES]

manifest.json lists, for each file, what to ask and what must be answered (or how it must be refused).
ARCHIVES is the folder tests/data/archives of anndata's source package: files that old versions of it wrote.
"""

import json
import sys
import warnings
from pathlib import Path

import anndata as ad
import h5py
import hdf5plugin
import numpy as np
import pandas as pd
import scipy.sparse as sp

warnings.filterwarnings("ignore")
N, F = 57, 11
cases = []


def plain(values):
    """Numbers of a matrix as nested lists."""
    if sp.issparse(values):
        values = values.toarray()
    return np.asarray(values, dtype=np.float64).tolist()


def label(value):
    """What a label column must hold: None if missing, whole numbers without a point."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def matrix_of(adata, path):
    if path == "X":
        return adata.X, list(adata.var_names)
    if path == "raw/X":
        return adata.raw.X, list(adata.raw.var_names)
    kind, key = path.split("/", 1)
    if kind == "layers":
        return adata.layers[key], list(adata.var_names)
    values = adata.obsm[key]
    return values, [f"{key}{i + 1}" for i in range(values.shape[1])]


def expect(file, matrices, labels=(), numbers=()):
    adata = ad.read_h5ad(file)
    for path in matrices:
        values, features = matrix_of(adata, path)
        rows = sorted({*range(0, adata.n_obs, 1 + adata.n_obs // 100), adata.n_obs - 1})
        cases.append(
            {
                "file": file.name,
                "cells": path,
                "rows": rows,
                "values": plain(values[rows]),
                "features": features,
                "names": list(adata.obs_names),
                "labels": {name: [label(v) for v in adata.obs[name].astype(object)] for name in labels},
                "numbers": {name: [None if pd.isna(v) else float(v) for v in adata.obs[name]] for name in numbers},
            }
        )


def refuse(file, cells, message, labels=()):
    cases.append({"file": file.name, "cells": cells, "asked": list(labels), "refused": message})


def object_of_all_kinds():
    random = np.random.default_rng(0)
    counts = random.poisson(0.6, (N, F)).astype(np.float32)
    obs = pd.DataFrame(index=[f"cell-{i}" for i in range(N - 2)] + ["Zelle-ü", "細胞"])
    obs["donor"] = pd.Categorical(random.choice(["d1", "d2", "ö3"], N), categories=["unused", "ö3", "d2", "d1"])
    obs["ordered"] = pd.Categorical(random.choice([3, 1, 2], N), ordered=True)
    obs["with_missing"] = pd.Categorical(random.choice(["a", "b", None], N))
    obs["many"] = pd.Categorical([f"label {i}" for i in random.permutation(N)])
    obs["text"] = random.choice(["x", "yy", "zzz" * 50], N)
    obs["flag"] = random.random(N) < 0.5
    obs["flags_in_categories"] = pd.Categorical(random.random(N) < 0.5)
    obs["fractions_in_categories"] = pd.Categorical(random.choice([0.25, 1.5], N))
    for name in ["int8", "uint8", "int16", "int32", "uint32", "int64", "float32", "float64"]:
        obs[name] = random.integers(0, 100, N).astype(name)
    obs["with_nan"] = np.where(random.random(N) < 0.3, np.nan, random.integers(0, 9, N))
    obs["nullable_integer"] = pd.array([None if i % 5 == 0 else i % 7 for i in range(N)], dtype="Int64")
    obs["nullable_boolean"] = pd.array([None if i % 4 == 0 else i % 3 == 0 for i in range(N)], dtype="boolean")
    var = pd.DataFrame({"mean": counts.mean(0)}, index=[f"gene{j}" for j in range(F)])
    adata = ad.AnnData(sp.csr_matrix(counts), obs=obs, var=var)
    adata.raw = adata[:, : F - 3].copy()
    adata.raw = ad.AnnData(
        sp.csr_matrix(random.poisson(1.0, (N, F + 5)).astype(np.float32)),
        obs=obs,
        var=pd.DataFrame(index=[f"all{j}" for j in range(F + 5)]),
    )
    adata.obsm["X_pca"] = random.standard_normal((N, 6)).astype(np.float32)
    adata.obsm["X_fortran"] = np.asfortranarray(random.standard_normal((N, 5)))
    adata.obsm["sparse"] = sp.csr_matrix(random.poisson(0.3, (N, 4)).astype(np.float64))
    adata.obsm["frame"] = pd.DataFrame(random.random((N, 2)), index=obs.index, columns=["a", "b"])
    for name in [
        "float16",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    ]:
        adata.layers[name] = (counts > 0) if name == "bool" else counts.astype(name)
    adata.layers["csc"] = sp.csc_matrix(counts)
    adata.layers["csr_int64"] = sp.csr_matrix(counts.astype(np.int64))
    adata.layers["csc_float64"] = sp.csc_matrix(counts * 0.1)
    adata.uns["nested"] = {"a": 1, "b": "text", "c": np.arange(3)}
    return adata


LABELS = [
    "donor",
    "ordered",
    "with_missing",
    "many",
    "text",
    "flag",
    "flags_in_categories",
    "fractions_in_categories",
    "int64",
    "uint8",
    "with_nan",
    "nullable_integer",
    "nullable_boolean",
]
NUMBERS = [
    "int8",
    "int16",
    "int32",
    "uint32",
    "int64",
    "float32",
    "float64",
    "with_nan",
    "nullable_integer",
    "flag",
]


def write_encodings(directory):
    adata = object_of_all_kinds()
    layers = ["layers/" + name for name in adata.layers]
    for name, options in {
        "plain": {},
        "gzip": {"compression": "gzip"},
        "lzf": {"compression": "lzf"},
        "zstd": {"compression": hdf5plugin.FILTERS["zstd"]},
    }.items():
        file = directory / f"{name}.h5ad"
        adata.write_h5ad(file, **options)
        expect(file, ["X", "raw/X", "obsm/X_pca", "obsm/X_fortran", "obsm/sparse", *layers], LABELS, NUMBERS)
        refuse(file, "obsm/frame", "obsm/frame: is a data frame")
        refuse(file, "obsm/X_pca", "labels are texts, categories, booleans or whole numbers", ["float_half"])
    adata.obs["float_half"] = 0.5
    for name in ["plain", "gzip", "lzf", "zstd"]:
        with h5py.File(directory / f"{name}.h5ad", "a") as file:
            file["obs"]["float_half"] = np.full(N, 0.5)
            file["obs"].attrs["column-order"] = np.array(
                [*file["obs"].attrs["column-order"], "float_half"], dtype=object
            )
    return adata


def write_matrices(directory, adata):
    """X itself in each form, alone in its file, also chunked by hand."""
    dense = adata.X.toarray()
    for name, values in {
        "dense": dense,
        "fortran": np.asfortranarray(dense),
        "csc": sp.csc_matrix(dense),
        "unsorted": unsorted(sp.csr_matrix(dense)),
    }.items():
        file = directory / f"X_{name}.h5ad"
        ad.AnnData(values, obs=adata.obs[["donor"]], var=adata.var).write_h5ad(file)
        expect(file, ["X"], ["donor"])
    file = directory / "X_chunks.h5ad"
    ad.AnnData(dense, obs=adata.obs[["donor"]], var=adata.var).write_h5ad(file)
    with h5py.File(file, "a") as h5:
        attributes = dict(h5["X"].attrs)
        del h5["X"]
        array = h5.create_dataset("X", data=dense, chunks=(7, 4), compression="gzip", shuffle=True, fletcher32=True)
        array.attrs.update(attributes)
    expect(file, ["X"], ["donor"])
    empty = directory / "no_X.h5ad"
    ad.AnnData(obs=adata.obs[["donor"]], obsm={"X_pca": adata.obsm["X_pca"]}).write_h5ad(empty)
    expect(empty, ["obsm/X_pca"], ["donor"])
    backed = directory / "nullable_text.h5ad"
    adata.obs["nullable_text"] = pd.array([None if i % 6 == 0 else f"t{i % 3}" for i in range(N)], dtype="string")
    with ad.settings.override(allow_write_nullable_strings=True):
        ad.AnnData(obs=adata.obs[["nullable_text"]], obsm={"X_pca": adata.obsm["X_pca"]}).write_h5ad(backed)
    expect(backed, ["obsm/X_pca"], ["nullable_text"])
    other = directory / "bitshuffle.h5ad"
    adata[:, :].copy().write_h5ad(other, compression=hdf5plugin.FILTERS["bshuf"])
    refuse(other, "obsm/X_pca", "is compressed with the filter bitshuffle, which is not supported")


def unsorted(matrix):
    for i in range(matrix.shape[0]):
        part = slice(matrix.indptr[i], matrix.indptr[i + 1])
        matrix.indices[part] = matrix.indices[part][::-1].copy()
        matrix.data[part] = matrix.data[part][::-1].copy()
    matrix.has_sorted_indices = False
    return matrix


def add_archives(directory, archives):
    """Files that anndata 0.5 and 0.7 wrote."""
    for version, matrices, labels, numbers in [
        (
            "v0.5.0",
            ["X", "raw/X", "obsm/X_pca", "obsm/X_umap"],
            ["bulk_labels", "phase", "louvain"],
            ["n_genes", "S_score"],
        ),
        (
            "v0.7.0",
            ["X", "layers/array", "layers/sparse", "obsm/array", "obsm/sparse", "raw/X"],
            ["obs_cat", "cat_ordered"],
            ["int64", "float64", "uint8"],
        ),
        (
            "v0.7.8",
            ["X", "layers/array", "layers/sparse", "obsm/array", "obsm/sparse", "raw/X"],
            ["obs_cat", "cat_ordered"],
            ["int64", "float64", "uint8"],
        ),
    ]:
        source = Path(archives) / version / "adata.h5ad"
        if not source.exists():
            continue
        file = directory / f"{version}.h5ad"
        file.write_bytes(source.read_bytes())
        expect(file, matrices, labels, numbers)


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    adata = write_encodings(directory)
    write_matrices(directory, adata)
    if len(sys.argv) > 2:
        add_archives(directory, sys.argv[2])
    manifest = {"anndata": ad.__version__, "cases": cases}
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    n_files = len({case["file"] for case in cases})
    print(f"{len(cases)} questions about {n_files} files, anndata {ad.__version__}")


main()
