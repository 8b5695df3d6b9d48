"""PyTorch's own samples as judge: values, shapes, dtypes, aliasing, gradients and errors of every operation in scope.

FASTNN_PARITY=all runs every sample instead of a fixed spread. What fails, in words: ``python -m parity`` (in tests/).
"""
from collections import Counter

import pytest
from parity import names

import fastnn

pytestmark = pytest.mark.torch
score = Counter()


@pytest.fixture(scope="module")
def runner():
    """PyTorch costs seconds to import: only when a test needs it."""
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from parity import runner
        runner.op_database()
    return runner


def failures(runner, name, dtype):
    """What went wrong, in words; counts into `score`."""
    import torch
    found = []
    for op, i, sample in runner.spread(runner.samples(name, getattr(torch, dtype)), runner.limit()):
        score["samples"] += 1
        try:
            runner.run_sample(op, sample, names.function_of(name))
            score["passed"] += 1
        except Exception as error:  # whatever it is, the sample failed
            found.append(f"{op.full_name} sample {i} {runner.describe(sample)}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", names.compared())
def test_samples(runner, name, dtype):
    assert names.function_of(name) is not None, f"fastnn has no {name}"
    found = failures(runner, name, dtype)
    assert not found, "\n".join([f"{len(found)} samples differ from PyTorch", *found[:5]])


WHOLE = ("int64", "int32", "uint8", "bool")


@pytest.mark.parametrize("name", names.compared())
def test_integers(runner, name):
    """Values, dtypes and shapes of the integer and bool samples of those operations that take them."""
    import torch
    most, found = runner.limit(), []
    for dtype in WHOLE:
        for op, i, sample in runner.spread(runner.samples(name, getattr(torch, dtype)), most and min(most, 12)):
            score["integers"] += 1
            try:
                runner.run_sample(op, sample, names.function_of(name))
                score["integers passed"] += 1
            except Exception as error:
                found.append(f"{op.full_name} {dtype} {i} {runner.describe(sample)}: {type(error).__name__}: {error}")
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("operator", ["add", "sub", "mul", "truediv", "floordiv", "mod", "lt", "and_"])
def test_promotion_is_pytorchs(runner, operator):
    """All pairs of dtypes, tensors with and without dimensions, Python numbers: dtype or class of the error."""
    import itertools
    import operator as operators
    import torch

    def operands(library):
        found = {"bool number": True, "int number": 2, "float number": 2.5}
        for name in ("bool", "uint8", "int16", "int64", "float32", "float64"):
            found[name] = library.tensor([1, 0, 3], dtype=getattr(library, name))
            found[name + " 0-d"] = library.tensor(1, dtype=getattr(library, name))
        return found

    def outcome(x, y):
        try:
            return str(getattr(operators, operator)(x, y).dtype)
        except (RuntimeError, TypeError) as error:
            return type(error).__name__
    ours, theirs = operands(fastnn), operands(torch)
    for x, y in itertools.product(ours, ours):
        if "number" not in x or "number" not in y:
            assert outcome(ours[x], ours[y]) == outcome(theirs[x], theirs[y]), f"{x} {operator} {y}"
            if "number" not in x and "number" not in y:
                assert str(fastnn.result_type(ours[x], ours[y])) == str(torch.result_type(theirs[x], theirs[y]))


def variant_failures(runner, name, run, applies):
    """The in-place form or ``out=`` of an operation: what went wrong, in words."""
    import torch
    most = runner.limit()
    found = []
    for op, i, sample in runner.spread([each for each in runner.samples(name, torch.float32) if applies(each[0])],
                                       most and min(most, 12)):
        score["variants"] += 1
        try:
            run(op, sample)
            score["variants passed"] += 1
        except Exception as error:
            found.append(f"{op.full_name} sample {i} {runner.describe(sample)}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("name", names.compared())
def test_inplace(runner, name):
    from parity import variants
    found = variant_failures(runner, name, variants.run_inplace, variants.inplace_name)
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("name", names.compared())
def test_out(runner, name):
    from parity import variants
    function = names.function_of(name)
    found = variant_failures(runner, name, lambda op, sample: variants.run_out(op, sample, function),
                             variants.takes_out)
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("name", names.compared())
def test_errors(runner, name):
    found = []
    for op, i, case in runner.error_cases(name):
        score["errors"] += 1
        try:
            runner.run_error_case(case, names.function_of(name))
            score["raised"] += 1
        except Exception as error:
            found.append(f"{op.full_name} case {i} {runner.describe(case.sample_input)}: {error}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["mul", "nn.functional.gelu", "matmul", "sum", "cumsum"])
def test_judge_sees_a_wrong_sign(runner, name, monkeypatch):
    """The judge can fail: with one gradient's sign flipped, samples of the operation must be reported."""
    true_function = names.function_of(name)

    def wrong(*args, **kwargs):
        out = true_function(*args, **kwargs)
        if out.requires_grad:
            out.grad_fn.register_hook(lambda grads, _: tuple(None if g is None else -g for g in grads))
        return out
    monkeypatch.setitem(names.SPECIAL, name, wrong)
    before = Counter(score)
    found = failures(runner, name, "float64")
    score.clear()
    score.update(before)
    assert found and all("gradient" in text for text in found)


def test_judge_sees_wrong_values_shapes_and_dtypes(runner):
    import torch
    right = torch.ones(2, 3)
    with pytest.raises(runner.Different, match="shape"):
        runner.compare(fastnn.ones(3, 2), right, "result")
    with pytest.raises(runner.Different, match="dtype"):
        runner.compare(fastnn.ones(2, 3, dtype=fastnn.float64), right, "result")
    with pytest.raises(runner.Different, match="result"):
        runner.compare(fastnn.ones(2, 3) + 1e-4, right, "result")
    with pytest.raises(runner.Different, match="result"):
        runner.compare(fastnn.full((2, 3), float("nan")), right, "result")
    runner.compare(fastnn.ones(2, 3), right, "result")


def test_scoreboard(runner, capsys):
    """Not a check: prints how many samples passed in this run."""
    with capsys.disabled():
        print(f"\nPyTorch's samples: {score['passed']} of {score['samples']} passed, error cases: {score['raised']} of "
              f"{score['errors']} raised, "
              f"integers: {score['integers passed']} of {score['integers']}, "
              f"in place and out=: {score['variants passed']} of {score['variants']}, "
              f"operations of the scope: {len(names.SCOPE)}, others: {len(names.extra())}")
