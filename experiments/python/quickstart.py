"""A tour in one minute: cells in, Harmony, scores, a table and a figure.

    python experiments/python/quickstart.py                             cells are made up
    python experiments/python/quickstart.py CELLS.npz                   with pcs (cells x components), batch, cell_type
    python experiments/python/quickstart.py CELLS.h5ad donor cell_type  with obsm["X_pca"], and columns of obs

The same in six lines of scanpy (1.11.5, with harmonypy 0.0.10) and scib-metrics, whose neighbours are approximate:

    adata = sc.read_h5ad("CELLS.h5ad")
    sc.external.pp.harmony_integrate(adata, "donor")
    benchmarker = Benchmarker(adata, "donor", "cell_type", embedding_obsm_keys=["X_pca", "X_pca_harmony"])
    benchmarker.benchmark()
    print(benchmarker.get_results(min_max_scale=False))
    sc.pl.embedding(adata, "X_pca_harmony", color="donor")
"""

import sys

import numpy as np

import bcbench


def cells():
    if len(sys.argv) > 3:
        import anndata

        adata = anndata.read_h5ad(sys.argv[1])
        return np.asarray(adata.obsm["X_pca"]), adata.obs[sys.argv[2]].to_numpy(), adata.obs[sys.argv[3]].to_numpy()
    if len(sys.argv) > 1:
        data = np.load(sys.argv[1])
        return data["pcs"], data["batch"], data["cell_type"]
    random = np.random.default_rng(0)
    batch, kind = random.integers(2, size=1000), random.integers(4, size=1000)
    centers = 4 * random.standard_normal((4, 20))
    return random.standard_normal((1000, 20)) + centers[kind] + 1.5 * batch[:, None], batch, kind


def figure(embeddings, batch, file):
    """The first two components before and after, by batch."""
    try:
        import matplotlib
    except ImportError:
        print("no matplotlib: no figure")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    _, axes = pyplot.subplots(1, len(embeddings), figsize=(5 * len(embeddings), 4))
    for axis, (name, values) in zip(axes, embeddings.items()):
        for label in sorted(set(batch)):
            axis.plot(*values[batch == label, :2].T, ".", markersize=2, label=str(label))
        axis.set(title=name, xlabel="component 1", ylabel="component 2")
    axes[0].legend(title="batch")
    pyplot.savefig(file, dpi=120)
    print("figure:", file)


def main():
    pcs, batch, cell_type = cells()
    embeddings = {
        "uncorrected": pcs,
        "Harmony": bcbench.harmony(pcs, batch),
        "MNN": bcbench.mnn(pcs, batch),
    }
    scores = {name: bcbench.score(values, batch, cell_type, before=pcs) for name, values in embeddings.items()}
    print(f"{'':24}" + "".join(f"{name:>14}" for name in scores))
    for metric in scores["Harmony"]:
        values = [each.get(metric) for each in scores.values()]
        print(f"{metric:24}" + "".join(f"{'' if value is None else format(value, '.4f'):>14}" for value in values))
    figure(embeddings, batch, "quickstart.png")


if __name__ == "__main__":
    main()
