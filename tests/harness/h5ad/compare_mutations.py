"""What another version of the HDF5 library reads from damaged files: compare_mutations.py DIRECTORY

DIRECTORY holds what the test of mutations kept (BCBENCH_H5AD_KEEP): files that were read without fault
although bytes of them had been changed, and what was read. Prints how often h5py reads the same numbers
and labels, how often it refuses the file, and which files it reads otherwise. Each file is read in a
process of its own: it may crash or hang.
"""

import json
import os
import signal
import sys
from pathlib import Path

import h5py
import numpy as np
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


def differences(name):
    expected = json.loads(name.with_suffix(".json").read_text())
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


def answer_of(name):
    """differences(name) of a child process, which may crash or hang."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            answer = differences(name)
        except Exception as error:  # whatever h5py says of a damaged file
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
    for name in sorted(Path(sys.argv[1]).glob("*.h5ad")):
        answer = answer_of(name)
        kind = answer.split(" ")[0]
        counts[kind] = counts.get(kind, 0) + 1
        if kind != "same":
            print(name, answer)
    print(counts)


main()
