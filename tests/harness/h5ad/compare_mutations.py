"""What other readers make of damaged files: compare_mutations.py DIRECTORY

DIRECTORY holds what the tests of mutations kept (BCBENCH_MUTATIONS_KEEP): files that were read without fault
although bytes of them had been changed, and what was read. Prints how often h5py (another version of the HDF5
library), NumPy and SciPy read the same numbers and names, how often they refuse the file, and which files they
read otherwise: exit code 1 if there is one. Each file is read in a process of its own: it may crash or hang.
"""

import gzip
import json
import os
import signal
import sys
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import scipy.sparse as sp


def texts(dataset):
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in dataset[()]]


def matrix(node):
    if isinstance(node, h5py.Dataset):
        return node[()].astype(np.float32)
    make = sp.csc_matrix if node.attrs["encoding-type"] == "csc_matrix" else sp.csr_matrix
    parts = (node["data"][()], node["indices"][()], node["indptr"][()])
    return make(parts, shape=tuple(node.attrs["shape"])).toarray().astype(np.float32)


def column(obs, name):
    node = obs[name]
    if isinstance(node, h5py.Group):
        codes, categories = node["codes"][()], texts(node["categories"])
    elif "__categories" in obs and name in obs["__categories"]:
        codes, categories = node[()], texts(obs["__categories"][name])
    else:
        codes, categories = None, texts(node)
    values = categories if codes is None else ["" if code < 0 else categories[code] for code in codes]
    return ["missing" if value in ("", "nan", "NA", "NaN", "<NA>") else value for value in values]


def in_h5ad(name, expected):
    with h5py.File(name) as file:
        index = file["obs"].attrs.get("_index", "_index")
        values = matrix(file[expected["path"]])
        if not np.array_equal(values, np.array(expected["values"], dtype=np.float32)):
            return "numbers"
        if texts(file["obs"][index]) != expected["names"]:
            return "names"
        for label, wanted in expected.get("labels", {}).items():
            if column(file["obs"], label) != wanted:
                return "labels"
    return "same"


def in_npy(name, expected):
    array = np.load(name)
    if list(array.shape) != expected["shape"]:
        return "shape"
    values = array.ravel().astype(np.float64)
    wanted = np.array([np.nan if value is None else value for value in expected["flat"]], dtype=np.float64)
    finite = np.where(np.isfinite(values), values, np.nan)
    return "same" if np.array_equal(finite, wanted, equal_nan=True) else "numbers"


def lines(folder, name):
    """The first columns of a table, plain or compressed."""
    path = folder / name
    text = path.read_bytes() if path.exists() else gzip.decompress((folder / (name + ".gz")).read_bytes())
    rows = text.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return [row.split("\t")[0] for row in (rows if rows[-1] else rows[:-1])]


def in_folder(folder, expected):
    if (folder / "a.npy").exists():
        return in_npy(folder / "a.npy", expected)
    name = next(path for path in folder.iterdir() if ".mtx" in path.name)
    cells = scipy.io.mmread(name).T.toarray().astype(np.float64)
    if not np.array_equal(cells, np.array(expected["values"], dtype=np.float64).reshape(expected["shape"])):
        return "numbers"
    for kind, file in [("cells", "barcodes.tsv"), ("features", "features.tsv")]:
        if kind in expected and expected[kind] != lines(folder, file):
            return "names"
    return "same"


def differences(name):
    expected = json.loads(name.with_suffix(".json").read_text())
    return in_folder(name, expected) if name.is_dir() else in_h5ad(name, expected)


def answer_of(name):
    """differences(name) of a child process, which may crash or hang."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            answer = differences(name)
        except Exception as error:  # whatever the reader says of a damaged file
            answer = f"refused {type(error).__name__} {str(error)[:100]}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hung" if os.WTERMSIG(status) == signal.SIGALRM else f"crashed {os.WTERMSIG(status)}"
    return answer


def main():
    counts = {}
    for expected in sorted(Path(sys.argv[1]).glob("*.json")):
        name = expected.with_suffix("")
        name = name if name.is_dir() else name.with_suffix(".h5ad")
        answer = answer_of(name)
        kind = answer.split(" ")[0]
        counts[kind] = counts.get(kind, 0) + 1
        if kind not in ("same", "refused"):
            print(name, answer)
    print(counts)
    return 1 if set(counts) & {"numbers", "names", "labels", "shape"} else 0


sys.exit(main())
