"""Nothing is forgotten: every kernel has a spec, every function a reference, a spec, a benchmark, a docstring."""
import importlib
import inspect
import pkgutil
import types

import numpy as np

from fastnn import kernels, reference
from fastnn._tape import operations
from fastnn.autograd.step import Step
from fastnn.testing.spec import OpSpec, all_specs

SPECS = all_specs()
# Public functions that tell something and compute nothing.
QUERIES = {"unary_saves", "unary_number"}


def families():
    """The modules of fastnn.kernels and of fastnn.reference that are one family."""
    return [[importlib.import_module(f"{package.__name__}.{name}") for package in (kernels, reference)]
            for name in reference.FAMILIES]


def parameters(function):
    """[(name, kind, default)]: what a caller sees, without annotations."""
    return [(parameter.name, parameter.kind, parameter.default)
            for parameter in inspect.signature(function).parameters.values()]


def kernels_without_spec(names, specs):
    covered = {kernel for spec in specs for kernel in spec.kernels}
    return sorted(set(names) - covered), sorted(covered - set(names))


def gaps(module, counterpart, specs):
    """What a family lacks, as sentences."""
    found = []
    for name, function in reference.functions(module).items():
        if name in QUERIES:
            continue
        twin = getattr(counterpart, name, None)
        own = [spec for spec in specs if spec.name == name]
        if twin is None:
            found.append(f"{name}: no function of that name in {counterpart.__name__}")
        elif parameters(twin) != parameters(function):
            found.append(f"{name}: signature {inspect.signature(function)}, but {inspect.signature(twin)} "
                         "in the reference")
        if not own:
            found.append(f"{name}: no spec")
        elif not any(spec.bench for spec in own):
            found.append(f"{name}: no benchmark case")
        if own and not any(spec.errors for spec in own):
            found.append(f"{name}: no error samples")
        if not (function.__doc__ or "").strip():
            found.append(f"{name}: no docstring")
    return found


def test_every_kernel_has_a_spec():
    missing, unknown = kernels_without_spec(kernels.kernel_names(), SPECS)
    assert not missing, f"C kernels that no spec names in `kernels`: {missing}"
    assert not unknown, f"specs name kernels that kernels.def lacks: {unknown}"


def test_every_unary_map_has_specs():
    covered = {spec.variant for spec in SPECS if spec.name.startswith("unary_")}
    assert not set(kernels.unary_names()) - covered


def test_every_function_is_complete():
    found = [gap for module, counterpart in families() for gap in gaps(module, counterpart, SPECS)]
    assert not found, "\n" + "\n".join(found)


def test_every_family_is_listed():
    """All modules of the reference, and of the kernels but `dense`, which trains by the others."""
    def modules(package):
        return {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}
    assert modules(reference) == set(reference.FAMILIES) == modules(kernels) - {"dense"}


def test_specs_name_functions():
    for spec in SPECS:
        assert callable(getattr(kernels, spec.name, None)), f"spec {spec.id}: fastnn.kernels has no {spec.name}"
        assert set(spec.dtypes) <= {"float32", "float64"} and spec.dtypes
        assert next(iter(spec.samples(np.random.default_rng(0), spec.dtypes[0])), None) is not None


def test_missing_parts_are_reported():
    """The checks above can fail."""
    assert kernels_without_spec(["a", "b"], [OpSpec("f", None, kernels=("a", "c"))]) == (["b"], ["c"])

    def fake(x, axis=0):
        pass
    module = types.ModuleType("fastnn.kernels.fake")
    module.unary_forward = fake
    fake.__module__ = module.__name__
    twin = types.ModuleType("reference")
    found = gaps(module, twin, [])
    assert [gap.split(": ")[1].split()[0:2] for gap in found] == [["no", "function"], ["no", "spec"],
                                                                  ["no", "docstring"]]
    twin.unary_forward = lambda x, axis=1: None
    found = gaps(module, twin, [OpSpec("unary_forward", None)])
    assert any("signature" in gap for gap in found) and any("no benchmark" in gap for gap in found)
    assert any("no error samples" in gap for gap in found)


def test_operations_have_second_order_rules():
    """Or say why there is none; and their saved values have names that a Step does not use itself."""
    assert not [op for op in operations if op.second_order is None and not op.reason]
    assert not [op for op in operations if not op.name]
    assert not {name for op in operations for name in op.saves + op.numbers} & set(dir(Step))
