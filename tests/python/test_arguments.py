"""Whatever comes from a notebook: the right answer or the right error."""

import numpy as np
import pandas as pd
import pytest

import bcbench
from bcbench import _arguments

CELLS = np.random.default_rng(0).standard_normal((40, 4))
BATCH = ["x", "y"] * 20


def test_arrays_of_other_kinds_give_the_same_answer():
    expected = bcbench.harmony(CELLS, BATCH)
    assert np.array_equal(bcbench.harmony(np.asfortranarray(CELLS), BATCH), expected)
    assert np.array_equal(bcbench.harmony(pd.DataFrame(CELLS), BATCH), expected)
    assert np.array_equal(bcbench.harmony(CELLS.tolist(), BATCH), expected)
    assert np.array_equal(bcbench.harmony(np.repeat(CELLS, 2, axis=1)[:, ::2], BATCH), expected)
    assert np.array_equal(bcbench.harmony(CELLS.astype(">f8"), BATCH), expected)
    assert np.array_equal(bcbench.harmony(np.ma.masked_array(CELLS), BATCH), expected)
    whole = np.round(CELLS * 10).astype(np.int64)
    assert np.array_equal(bcbench.harmony(whole, BATCH), bcbench.harmony(whole.astype(float), BATCH))
    given = CELLS.copy()
    bcbench.harmony(given, BATCH)
    assert np.array_equal(given, CELLS)


def test_labels_of_other_kinds_give_the_same_answer():
    expected = bcbench.combat(CELLS, BATCH)
    unused = pd.Categorical(BATCH, categories=["z", "y", "x"])
    for labels in (np.array(BATCH), tuple(BATCH), pd.Series(BATCH, index=range(40, 0, -1)), unused, pd.Series(unused)):
        assert np.array_equal(bcbench.combat(CELLS, labels), expected)
    whole = np.array([7, 3] * 20)
    for labels in ([0, 1] * 20, whole, whole.astype(np.uint8), whole == 7, pd.Series(whole), np.ma.array(whole)):
        assert np.array_equal(bcbench.combat(CELLS, labels), expected)
    assert _arguments.label_column(whole, 40, "batch")[2] == ["7", "3"]
    assert _arguments.label_column(whole == 7, 40, "batch")[2] == ["True", "False"]


def test_several_covariates():
    donor, chemistry = BATCH, ["v2", "v2", "v3", "v3"] * 10
    both = bcbench.harmony(CELLS, {"donor": donor, "chemistry": chemistry})
    assert np.array_equal(both, bcbench.harmony(CELLS, pd.DataFrame({"donor": donor, "chemistry": chemistry})))
    assert not np.array_equal(both, bcbench.harmony(CELLS, donor))


NAN = CELLS.copy()
NAN[3, 2] = np.nan


class Sparse:
    def toarray(self):
        return CELLS


FAULTS = {
    "cell 3": lambda: bcbench.harmony(NAN, BATCH),
    "expected numbers": lambda: bcbench.harmony(CELLS.astype(object), BATCH),
    "expected 2: cells x features": lambda: bcbench.harmony(CELLS[0], BATCH),
    "X is empty: 0 cells": lambda: bcbench.harmony(CELLS[:0], []),
    "X is empty: 40 cells x 0 features": lambda: bcbench.harmony(CELLS[:, :0], BATCH),
    "X has values of type object": lambda: bcbench.harmony(None, BATCH),
    "X has values of type complex128": lambda: bcbench.harmony(CELLS + 0j, BATCH),
    "X has the value inf": lambda: bcbench.harmony(np.where(np.isnan(NAN), np.inf, NAN), BATCH),
    "X is sparse": lambda: bcbench.harmony(Sparse(), BATCH),
    "X has masked values": lambda: bcbench.harmony(np.ma.masked_invalid(NAN), BATCH),
    "embedding has the value nan": lambda: bcbench.score(NAN, BATCH),
    "before the correction has the value nan": lambda: bcbench.score(CELLS, BATCH, metrics="ilisi", before=NAN),
    "5 cells before": lambda: bcbench.score(CELLS, BATCH, before=CELLS[:5]),
    "batch has 39 labels for 40 cells": lambda: bcbench.harmony(CELLS, BATCH[:39]),
    "batch of 20 of 40 cells are missing, the first that of cell 1":
        lambda: bcbench.harmony(CELLS, ["x", None] * 20),
    "labels of 10 of 40 cells are missing, the first that of cell 2":
        lambda: bcbench.score(CELLS, BATCH, [1.0, 2.0, np.nan, 4.0] * 10),
    "batch of 10 of 40 cells are missing, the first that of cell 3":
        lambda: bcbench.harmony(CELLS, np.ma.array([7, 3] * 20, mask=[0, 0, 0, 1] * 10)),
    "batch of 20 of 40 cells are missing, the first that of cell 0":
        lambda: bcbench.harmony(CELLS, pd.Categorical([None, "x"] * 20)),
    "the label of cell 0": lambda: bcbench.harmony(CELLS, ["", "x"] * 20),
    "batch has 2 dimensions": lambda: bcbench.harmony(CELLS, np.array(BATCH)[:, None]),
    "batch is set": lambda: bcbench.harmony(CELLS, set(range(40))),
    "missing_types is 'drop', must be 'error' or 'keep'": lambda: bcbench.score(CELLS, BATCH, missing_types="drop"),
    "labels is dict": lambda: bcbench.score(CELLS, BATCH, dict(enumerate(BATCH))),
    "batch is generator": lambda: bcbench.harmony(CELLS, (label for label in BATCH)),
    "batch is str": lambda: bcbench.harmony(CELLS, "donor"),
    "batch is NoneType": lambda: bcbench.harmony(CELLS, None),
    "theta": lambda: bcbench.harmony(CELLS, BATCH, thta=2.0),
    "must be": lambda: bcbench.harmony(CELLS, BATCH, sigma=-1.0),
    "no method is called 'harmonie'": lambda: bcbench.correct("harmonie", CELLS, BATCH),
    "seed is -1, must be a whole number from 0": lambda: bcbench.harmony(CELLS, BATCH, seed=-1),
    "threads is 2.5": lambda: bcbench.harmony(CELLS, BATCH, threads=2.5),
    "options are not all finite": lambda: bcbench.harmony(CELLS, BATCH, theta=float("nan")),
    "train is True": lambda: bcbench.mmd_autoencoder(train=True).forward(CELLS, BATCH),
    "k is 'a'": lambda: bcbench.neighbors(CELLS, "a"),
    "k is 0": lambda: bcbench.neighbors(CELLS, 0),
    "less than the number of cells": lambda: bcbench.neighbors(CELLS, 40),
    "silhouette_batch": lambda: bcbench.score(CELLS, BATCH, metrics=["silhouette_bach"]),
    "threads is 0": lambda: bcbench.harmony(CELLS, BATCH, threads=0),
    "no gradient": lambda: bcbench.correct("mnn", CELLS, BATCH, n_neighbors=3).vjp(CELLS),
    "shape of the corrected cells": lambda: bcbench.differentiable_harmony(n_clusters=2).vjp(CELLS, BATCH, CELLS[:5]),
    "no results directory": lambda: bcbench.load("/"),
    "methods": lambda: bcbench.run({"schema_version": 1, "name": "x", "datasets": []}, "nowhere"),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_faults_are_value_errors_with_a_sentence(sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        FAULTS[sentence]()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("missing", [[None], [np.nan], [pd.NA], [None, float("nan")]])
def test_cells_without_a_type_are_left_out_by_metrics_on_types_alone(missing):
    kinds = [kind for i in range(10) for kind in ("a", "b", missing[i % len(missing)], "b")]
    kept = bcbench.score(CELLS, BATCH, kinds, metrics=["ilisi", "silhouette_label"], missing_types="keep")
    typed = [i for i in range(40) if i % 4 != 2]
    alone = bcbench.score(CELLS[typed], [BATCH[i] for i in typed], [kinds[i] for i in typed],
                          metrics="silhouette_label")
    assert kept["silhouette_label"] == alone["silhouette_label"]
    assert kept["ilisi"] == bcbench.score(CELLS, BATCH, metrics="ilisi")["ilisi"]


def test_without_types_metrics_say_why():
    scores = bcbench.score(CELLS, BATCH)
    assert scores["clisi"] is None and "type" in scores.reasons["clisi"]
    assert scores.to_frame().loc["ilisi", "value"] == scores["ilisi"]
    assert bcbench.score(CELLS, BATCH, metrics="ilisi")["ilisi"] == scores["ilisi"]


def test_documentation_comes_from_the_catalog():
    assert "theta" in bcbench.harmony.__doc__ and "diversity penalty" in bcbench.harmony.__doc__
    assert "kernel_bandwidth" in bcbench.mmd_autoencoder.__doc__


def test_anndata():
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"donor": pd.Categorical(BATCH), "kind": ["T", "T", "B", "B"] * 10}, index=map(str, range(40)))
    adata = anndata.AnnData(obs=obs, obsm={"X_pca": CELLS})
    bcbench.sc.harmony_integrate(adata, "donor", theta=1.0)
    assert np.array_equal(adata.obsm["X_pca_harmony"], bcbench.harmony(CELLS, BATCH, theta=1.0))
    scores = bcbench.sc.score(adata, "donor", "kind", metrics=["pcr_comparison"])
    assert scores["pcr_comparison"] is not None
    with pytest.raises(ValueError, match="obs has no column 'donr'"):
        bcbench.sc.harmony_integrate(adata, "donr")
    with pytest.raises(ValueError, match="obsm has no 'X_umap'"):
        bcbench.sc.harmony_integrate(adata, "donor", basis="X_umap")
