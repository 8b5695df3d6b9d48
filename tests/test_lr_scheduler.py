"""Schedulers: PyTorch's learning rates, bit for bit; state; warnings and errors."""
import copy
import math
import warnings

import pytest

import fastnn
from fastnn import nn, optim

STEPS = 70
METRICS = [1 / (1 + i % 9) + (0.5 if i % 13 > 6 else 0.0) for i in range(STEPS)]


class Halving:
    """A function with state."""

    def __init__(self, every):
        self.every = every

    def __call__(self, epoch):
        return 0.5 ** (epoch // self.every)


def chained(library, optimizer):
    lr_scheduler = library.optim.lr_scheduler
    return lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(optimizer, 0.3, total_iters=7),
                                          lr_scheduler.ExponentialLR(optimizer, 0.93)])


def sequence(library, optimizer, milestones=(5, 20, 45)):
    lr_scheduler = library.optim.lr_scheduler
    parts = [lr_scheduler.LinearLR(optimizer, 0.1, total_iters=6), lr_scheduler.CosineAnnealingLR(optimizer, 9),
             lr_scheduler.StepLR(optimizer, 4, gamma=0.6), lr_scheduler.PolynomialLR(optimizer, 12, power=1.7)]
    return lr_scheduler.SequentialLR(optimizer, parts[:len(milestones) + 1], milestones=list(milestones))


def nested(library, optimizer):
    lr_scheduler = library.optim.lr_scheduler
    inner = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.ConstantLR(optimizer, 0.5, 3),
                                                  lr_scheduler.ExponentialLR(optimizer, 0.8)], milestones=[8])
    return lr_scheduler.SequentialLR(optimizer, [inner, lr_scheduler.CosineAnnealingLR(optimizer, 30)], milestones=[25])


def simple(name, *args, **kwargs):
    return lambda library, optimizer: getattr(library.optim.lr_scheduler, name)(optimizer, *args, **kwargs)


CASES = {
    "lambda": simple("LambdaLR", lambda epoch: 0.95 ** epoch),
    "lambdas": simple("LambdaLR", [lambda epoch: 1 / (1 + epoch), Halving(7)]),
    "multiplicative": simple("MultiplicativeLR", lambda epoch: 0.97 if epoch % 3 else 1.01),
    "multiplicatives": simple("MultiplicativeLR", [Halving(11), lambda epoch: 0.9]),
    "step": simple("StepLR", 7), "step-gamma": simple("StepLR", 3, gamma=0.7),
    "multistep": simple("MultiStepLR", [4, 9, 9, 30], gamma=0.3), "multistep-default": simple("MultiStepLR", [5, 50]),
    "constant": simple("ConstantLR"), "constant-options": simple("ConstantLR", 0.7, total_iters=13),
    "linear": simple("LinearLR"), "linear-down": simple("LinearLR", 0.9, 0.1, total_iters=40),
    "exponential": simple("ExponentialLR", 0.93),
    "polynomial": simple("PolynomialLR"), "polynomial-power": simple("PolynomialLR", total_iters=50, power=0.9),
    "cosine": simple("CosineAnnealingLR", 10), "cosine-min": simple("CosineAnnealingLR", 17, eta_min=1e-3),
    "cosine-long": simple("CosineAnnealingLR", 100),
    "restarts": simple("CosineAnnealingWarmRestarts", 6),
    "restarts-longer": simple("CosineAnnealingWarmRestarts", 5, T_mult=2, eta_min=1e-4),
    "cyclic": simple("CyclicLR", 1e-3, 0.1, step_size_up=8),
    "cyclic-triangular2": simple("CyclicLR", [1e-3, 2e-3], [0.1, 0.2], step_size_up=5, step_size_down=9,
                                 mode="triangular2"),
    "cyclic-range": simple("CyclicLR", 1e-3, 0.1, step_size_up=6, mode="exp_range", gamma=0.98, base_momentum=0.7),
    "cyclic-own": simple("CyclicLR", 1e-3, 0.1, step_size_up=6, scale_fn=lambda x: 1 / (5 ** (x * 1e-2)),
                         scale_mode="iterations", cycle_momentum=False),
    "cyclic-object": simple("CyclicLR", 1e-3, 0.1, step_size_up=6, scale_fn=Halving(2)),
    "onecycle": simple("OneCycleLR", 0.1, total_steps=STEPS),
    "onecycle-linear": simple("OneCycleLR", [0.1, 0.2], epochs=10, steps_per_epoch=8, anneal_strategy="linear",
                              pct_start=0.4, div_factor=10.0, final_div_factor=50.0, base_momentum=0.6),
    "onecycle-three": simple("OneCycleLR", 0.1, total_steps=75, three_phase=True),
    "onecycle-still": simple("OneCycleLR", 0.1, total_steps=75, cycle_momentum=False),
    "plateau": simple("ReduceLROnPlateau", patience=3), "plateau-max": simple("ReduceLROnPlateau", "max", patience=2,
                                                                               factor=0.5, cooldown=2),
    "plateau-abs": simple("ReduceLROnPlateau", threshold=0.1, threshold_mode="abs", patience=1, min_lr=[1e-3, 1e-2]),
    "chained": chained, "sequence": sequence, "nested": nested,
    "sequence-zero": lambda library, optimizer: sequence(library, optimizer, milestones=(0, 10)),
    "chained-sequence": lambda library, optimizer: library.optim.lr_scheduler.ChainedScheduler(
        [sequence(library, optimizer), library.optim.lr_scheduler.StepLR(optimizer, 20, gamma=0.5)], optimizer),
}
each = pytest.mark.parametrize("make", CASES.values(), ids=CASES)
# A sequence in a sequence steps when it is made, in PyTorch too.
allowed = pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")


def optimizer_of(library, name="SGD"):
    params = [library.nn.Parameter(library.ones(2)) for _ in range(2)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(library.optim, name)([{"params": params[:1], "lr": 0.05}, {"params": params[1:]}], lr=0.3, **options)


def step(optimizer, scheduler, i):
    optimizer.step()
    if type(scheduler).__name__ == "ReduceLROnPlateau":
        scheduler.step(METRICS[i])
    else:
        scheduler.step()


def history(optimizer, scheduler, start=0, stop=STEPS):
    """Rates and momentum after each step."""
    found = []
    for i in range(start, stop):
        found.append([(float(group["lr"]), group.get("momentum"), group.get("betas"), float(last))
                      for group, last in zip(optimizer.param_groups, scheduler.get_last_lr(), strict=True)])
        step(optimizer, scheduler, i)
    return found


@pytest.mark.torch
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@each
@allowed
def test_rates_equal_pytorch(make, optimizer):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    results = []
    for library in (fastnn, torch):
        own = optimizer_of(library, optimizer)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The epoch parameter")
            results.append(history(own, make(library, own)))
    assert results[0] == results[1]


@pytest.mark.torch
@each
@allowed
def test_state_of_pytorch_continues(make):
    """PyTorch's state of scheduler and optimizer after 20 steps, loaded here, goes on as it does there."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    theirs, ours = optimizer_of(torch), optimizer_of(fastnn)
    other, mine = make(torch, theirs), make(fastnn, ours)
    history(theirs, other, 0, 20)
    saved = copy.deepcopy(other.state_dict())
    assert set(mine.state_dict()) == set(saved)
    mine.load_state_dict(saved)
    groups = [{**group, "params": params["params"]} for group, params in
              zip(copy.deepcopy(theirs.state_dict()["param_groups"]), ours.state_dict()["param_groups"], strict=True)]
    ours.load_state_dict({"state": {}, "param_groups": groups})
    assert history(ours, mine, 20) == history(theirs, other, 20)


@each
@allowed
def test_state_round_trip(make):
    one, two = optimizer_of(fastnn), optimizer_of(fastnn)
    first, second = make(fastnn, one), make(fastnn, two)
    history(one, first, 0, 30)
    saved = copy.deepcopy(first.state_dict())
    keys = set(saved)
    second.load_state_dict(saved)
    two.load_state_dict(one.state_dict())
    assert set(saved) == keys
    assert history(one, first, 30) == history(two, second, 30)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["step", "multistep", "constant", "linear", "exponential", "polynomial", "cosine",
                                  "restarts-longer", "lambda"])
def test_step_to_an_epoch(name):
    """The deprecated argument: the closed form where there is one."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    results = []
    for library in (fastnn, torch):
        own = optimizer_of(library)
        scheduler = CASES[name](library, own)
        own.step()
        found = []
        for epoch in (3, 12, 7, 40, 0):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step(epoch)
            found.append(scheduler.get_last_lr())
        results.append(found)
    assert results[0] == results[1]


@pytest.mark.torch
@pytest.mark.parametrize("name", ["step", "exponential", "cosine", "linear", "lambda", "chained", "plateau"])
def test_tensor_lr(name):
    """A tensor as learning rate stays that tensor and gets new values, rounded as PyTorch rounds them."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    results = []
    for library in (fastnn, torch):
        rate = library.tensor(0.3)
        own = library.optim.SGD([library.nn.Parameter(library.ones(2))], lr=rate)
        scheduler = CASES[name](library, own)
        found = []
        for i in range(40):
            step(own, scheduler, i)
            found.append((rate.item(), scheduler.get_last_lr()[0].item()))
        assert own.param_groups[0]["lr"] is rate and scheduler.get_last_lr()[0] is not rate
        results.append(found)
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["step", "cosine", "onecycle", "cyclic", "restarts"])
def test_resume(name):
    """With last_epoch a scheduler goes on where another was, given the groups as they were."""
    own = optimizer_of(fastnn)
    scheduler = CASES[name](fastnn, own)
    history(own, scheduler, 0, 20)
    fresh = optimizer_of(fastnn)
    if name == "step":
        with pytest.raises(KeyError, match="param 'initial_lr' is not specified"):
            optim.lr_scheduler.StepLR(fresh, 7, last_epoch=20)
    fresh.load_state_dict(own.state_dict())
    make = {"step": (optim.lr_scheduler.StepLR, 7), "cosine": (optim.lr_scheduler.CosineAnnealingLR, 10),
            "onecycle": (optim.lr_scheduler.OneCycleLR, 0.1, STEPS),
            "cyclic": (optim.lr_scheduler.CyclicLR, 1e-3, 0.1, 8),
            "restarts": (optim.lr_scheduler.CosineAnnealingWarmRestarts, 6)}[name]
    other = make[0](fresh, *make[1:], last_epoch=scheduler.last_epoch - 1)
    if name in ("onecycle", "cyclic"):
        assert [group["lr"] for group in fresh.param_groups] == [group["lr"] for group in own.param_groups]
    assert other.last_epoch == scheduler.last_epoch


def test_order_of_steps_warns():
    own = optimizer_of(fastnn)
    scheduler = optim.lr_scheduler.StepLR(own, 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    own = optimizer_of(fastnn)
    scheduler = optim.lr_scheduler.StepLR(own, 2)
    own.step = lambda: None
    with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden"):
        scheduler.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()
    own = optimizer_of(fastnn)
    scheduler = optim.lr_scheduler.StepLR(own, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own.step()
        scheduler.step()


@pytest.mark.parametrize("base", [optim.lr_scheduler.LRScheduler, optim.lr_scheduler._LRScheduler])
def test_own_scheduler_and_hooks(base):
    class Quarter(base):
        def get_lr(self):
            return [base * 0.25 ** self.last_epoch for base in self.base_lrs]
    parameter = nn.Parameter(fastnn.ones(2))
    own = optim.SGD([parameter], lr=1.0)
    seen = []
    own.register_step_post_hook(lambda *args: seen.append(own.param_groups[0]["lr"]))
    scheduler = Quarter(own)
    copy.deepcopy(own).step()
    for _ in range(3):
        parameter.grad = fastnn.ones(2)
        own.step()
        scheduler.step()
    assert seen == [1.0, 0.25, 0.0625] and parameter.tolist() == [1 - 1.3125] * 2
    with pytest.raises(NotImplementedError, match="get_lr"):
        optim.lr_scheduler.LRScheduler(own)


S = optim.lr_scheduler


def other_optimizer():
    return S.StepLR(optimizer_of(fastnn), 2)


@pytest.mark.parametrize(("make", "exception", "message"), [
    (lambda o: S.StepLR(3, 2), TypeError, "int is not an Optimizer"),
    (lambda o: S.CyclicLR(3, 1, 2), TypeError, "int is not an Optimizer"),
    (lambda o: S.ReduceLROnPlateau(3), TypeError, "int is not an Optimizer"),
    (lambda o: S.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
    (lambda o: S.MultiplicativeLR(o, 0.9), TypeError, "lr_lambda should be a function, but got float"),
    (lambda o: S.ConstantLR(o, 1.5), ValueError, "expected to be between 0 and 1"),
    (lambda o: S.LinearLR(o, 0.0), ValueError, "Starting multiplicative factor"),
    (lambda o: S.LinearLR(o, 0.5, 2.0), ValueError, "Ending multiplicative factor"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError, "Expected positive integer T_0, but got 0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "Expected integer T_mult >= 1, but got 0"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 2, 1, "a"), ValueError, "Expected float or int eta_min"),
    (lambda o: S.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "Expected non-negative epoch, but got -1"),
    (lambda o: S.CyclicLR(o, [1], 2), ValueError, "base_lr must have the same length as optimizer.param_groups"),
    (lambda o: S.CyclicLR(o, 1, 2, mode="square"), ValueError, "mode is invalid and scale_fn is None"),
    (lambda o: S.CyclicLR(optim.Adagrad([nn.Parameter(fastnn.ones(1))]), 1, 2), ValueError, "must support momentum"),
    (lambda o: S.OneCycleLR(o, 0.1), ValueError, "You must define either total_steps OR"),
    (lambda o: S.OneCycleLR(o, 0.1, total_steps=0), ValueError, "Expected positive integer total_steps, but got 0"),
    (lambda o: S.OneCycleLR(o, 0.1, epochs=2, steps_per_epoch=0.5), ValueError, "positive integer steps_per_epoch"),
    (lambda o: S.OneCycleLR(o, 0.1, total_steps=9, pct_start=2), ValueError, "between 0 and 1 pct_start, but got 2"),
    (lambda o: S.OneCycleLR(o, 0.1, total_steps=9, anneal_strategy="x"), ValueError, "one of 'cos' or 'linear'"),
    (lambda o: S.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0."),
    (lambda o: S.ReduceLROnPlateau(o, "least"), ValueError, "mode least is unknown!"),
    (lambda o: S.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold mode x is unknown!"),
    (lambda o: S.ReduceLROnPlateau(o, min_lr=[1]), ValueError, "expected 2 min_lrs, got 1"),
    (lambda o: S.SequentialLR(o, [], []), ValueError, "expects at least one scheduler"),
    (lambda o: S.SequentialLR(o, [S.StepLR(o, 2)], [3]), ValueError, "one more than the number of milestone points"),
    (lambda o: S.SequentialLR(o, [S.ReduceLROnPlateau(o)], []), ValueError, "does not support `ReduceLROnPlateau`"),
    (lambda o: S.SequentialLR(o, [other_optimizer()], []), ValueError, "belong to the same optimizer"),
    (lambda o: S.ChainedScheduler([]), ValueError, "expects at least one scheduler to be chained"),
    (lambda o: S.ChainedScheduler([S.StepLR(o, 2), other_optimizer()]), ValueError, "belong to the same optimizer"),
    (lambda o: S.ChainedScheduler([3], o), TypeError, "should have `optimizer` as its attribute"),
])
def test_errors(make, exception, message):
    with pytest.raises(exception) as caught:
        make(optimizer_of(fastnn))
    assert message in str(caught.value)


def test_too_many_steps():
    own = optimizer_of(fastnn)
    scheduler = S.OneCycleLR(own, 0.1, total_steps=3)
    own.step()
    for _ in range(3):
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 4 times. The specified number of total steps is 3"):
        scheduler.step()


def test_plateau_of_nan_and_new_groups():
    own = optimizer_of(fastnn)
    scheduler = S.ReduceLROnPlateau(own, patience=0)
    scheduler.step(fastnn.tensor(1.0))
    own.add_param_group({"params": [nn.Parameter(fastnn.ones(1))], "lr": 1.0})
    scheduler.step(math.nan)
    assert scheduler.get_last_lr() == pytest.approx([0.005, 0.03, 0.1])
    scheduler = S.ReduceLROnPlateau(own, patience=0, min_lr=[0, 0, 0])
    own.add_param_group({"params": [nn.Parameter(fastnn.ones(1))], "lr": 1.0})
    scheduler.step(1.0)
    with pytest.raises(RuntimeError, match="new param group being added"):
        scheduler.step(1.0)
