"""Type checkers of users find the package typed, and its stubs name what the module has."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bcbench

PACKAGE = Path(bcbench.__file__).parent


def parameters_of(function):
    """Names of the parameters of a function of the module, without self."""
    (signature, *_), *_ = function.__nb_signature__
    while "[" in signature:
        signature = re.sub(r"\[[^\[\]]*\]", "", signature)
    return re.findall(r"(\w+):", signature)


def test_stubs_name_what_the_module_has():
    assert (PACKAGE / "py.typed").exists()
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    constants = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    public = {name for name in dir(bcbench._core) if not name.startswith("_")}
    assert public == constants | set(functions) | set(classes) - {"_Correction"}
    correction = {node.name: node for node in classes["_Correction"].body}
    found = bcbench._core.CorrectionFloat64
    assert {name for name in dir(found) if not name.startswith("_")} == set(correction)
    methods = {name: getattr(found, name) for name, node in correction.items() if not node.decorator_list}
    for name, function in {**{name: getattr(bcbench._core, name) for name in functions}, **methods}.items():
        stub = functions.get(name) or correction[name]
        assert parameters_of(function) == [each.arg for each in stub.args.args if each.arg != "self"], name


USER = """
import bcbench

corrected = bcbench.harmony([[1.0]], ["a"], theta=2.0)
reveal_type(corrected)
reveal_type(bcbench.score(corrected, ["a"])["total"])
reveal_type(bcbench.neighbors(corrected, 1)[1])
reveal_type(bcbench.mmd_autoencoder(train={}).vjp(corrected, ["a"], corrected)[1])
reveal_type(bcbench.correct("mnn", corrected, ["a"]).traces)
bcbench.neighbors(corrected)
"""


def test_a_user_sees_types(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "user.py").write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "user.py"]
    output = subprocess.run(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE).stdout
    revealed = [line.split('"')[1].split("[")[0] for line in output.splitlines() if "Revealed" in line]
    assert revealed == ["numpy.ndarray", "float | None", "numpy.ndarray", "numpy.ndarray", "dict"], output
    assert 'Missing positional argument "k"' in output and output.count("error:") == 1, output
