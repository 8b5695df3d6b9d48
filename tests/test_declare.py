"""Names that functions declare: nothing is declared twice or left out, and the forms of a name belong together."""
import ast
import re
from pathlib import Path

import pytest

import fastnn
from fastnn import ops
from fastnn.ops import declare
from fastnn.ops.functions import public

FOLDER = Path(ops.__file__).parent


@pytest.fixture
def homes(monkeypatch):
    monkeypatch.setattr(declare, "HOMES", {home: {} for home in declare.HOMES})
    return declare.HOMES


def test_a_name_is_declared_once():
    with pytest.raises(ValueError, match="fastnn.add is declared twice"):
        declare.operation("fastnn.add")(len)


def test_places_aliases_and_forms(homes):
    @declare.operation("fastnn Tensor linalg.other", aliases={"alias": {"y": "x"}}, inplace=True, out="linalg",
                       keywords={"z": "x"}, scaled=True)
    def own(x):
        return x

    found = {home: {name: (one.inplace, one.out, one.keywords) for name, one in names.items()}
             for home, names in homes.items()}
    assert found == {
        "fastnn": {"own": (False, False, {"z": "x"}), "alias": (False, False, {"y": "x"})},
        "Tensor": {"own": (False, False, {"z": "x"}), "alias": (False, False, {"y": "x"}),
                   "own_": (True, False, {"z": "x"}), "alias_": (True, False, {"y": "x"})},
        "linalg": {"other": (False, True, {"z": "x"})}, "special": {}, "fft": {},
        "functional": {}, "nn": {}}
    assert homes["fastnn"]["own"].function is own and homes["fastnn"]["own"].scaled


def test_several_functions_share_a_declaration(homes):
    assert declare.operation("special")(abs, len) is abs
    assert set(homes["special"]) == {"abs", "len"}


def test_modules_that_declare_are_imported():
    """Else their names would be there or not by who is imported first."""
    body = ast.parse((FOLDER / "__init__.py").read_text()).body
    imported = {alias.name for node in body if isinstance(node, ast.ImportFrom) and node.module == "fastnn.ops"
                for alias in node.names}
    declaring = {path.stem for path in FOLDER.glob("*.py*") if path.suffix in (".py", ".pyx")
                 and re.search(r"import operation\b", path.read_text())}
    assert declaring and declaring <= imported


@pytest.mark.parametrize("home, owner", [("fastnn", fastnn), ("Tensor", fastnn.Tensor), ("linalg", fastnn.linalg),
                                         ("special", fastnn.special), ("fft", fastnn.fft),
                                         ("functional", fastnn.nn.functional), ("nn", fastnn.nn.functional)])
def test_programs_find_what_is_declared(home, owner):
    for name, made in public(home).items():
        found = getattr(owner, name) if home != "Tensor" else vars(owner)[name]
        if not isinstance(made, property):
            assert found.__wrapped__ is declare.HOMES[home][name].function or name.endswith("_"), name
            assert found.__name__ == name and found.home == made.home


def test_aliases_have_their_own_names():
    x = fastnn.tensor([0.5])
    assert fastnn.arccos(x) == fastnn.acos(x) and fastnn.arccos.__name__ == "arccos"
    assert x.clone().arccos_() == x.acos() and x.swapaxes(axis0=0, axis1=0) == x
    with pytest.raises(TypeError, match="axis0"):
        fastnn.transpose(x, axis0=0, axis1=0)
