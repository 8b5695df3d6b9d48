"""Optimizers and schedules beside real Keras: several steps, the state's names and values, records."""
import warnings

import numpy as np
import pytest
from keras_oracle import (MARKS, assert_same, assert_same_config, keras, ours, parameters, plain, public_names,
                          without_modules)

pytestmark = MARKS
RNG = np.random.default_rng(7)
SHAPES = {"kernel": (3, 4), "tall": (5, 2), "bias": (4,), "conv": (2, 3, 4), "embedding": (6, 3)}
VALUES = [RNG.normal(size=shape).astype(np.float32) for shape in SHAPES.values()]
GRADS = [[RNG.normal(size=shape).astype(np.float32) for shape in SHAPES.values()] for _ in range(6)]
GRADS[2][1][:] = 0  # nothing to do for one weight

CASES = [
    ("SGD", {}), ("SGD", {"learning_rate": 0.1, "momentum": 0.9}), ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {}), ("Adam", {"amsgrad": True, "epsilon": 1e-3, "learning_rate": 0.1}), ("Adam", {"beta_1": 0.5}),
    ("AdamW", {}), ("AdamW", {"weight_decay": 0.1, "learning_rate": 0.1}), ("Adamax", {}),
    ("Adamax", {"epsilon": 0.01}),
    ("Nadam", {}), ("Nadam", {"beta_1": 0.8, "learning_rate": 0.05}), ("Lamb", {}), ("Lamb", {"learning_rate": 0.1}),
    ("Lion", {}), ("Lion", {"beta_1": 0.5, "weight_decay": 0.1}), ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 4, "weight_decay": 0.1}),
    ("Adagrad", {}), ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-2}),
    ("Adadelta", {}), ("Adadelta", {"learning_rate": 1.0, "rho": 0.8}), ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}), ("RMSprop", {"centered": True, "rho": 0.7}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "epsilon": 0.01}), ("Ftrl", {}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2, "beta": 0.1,
              "l2_shrinkage_regularization_strength": 0.05, "learning_rate_power": -0.7}),
    ("Adafactor", {}), ("Adafactor", {"learning_rate": 0.5, "clip_threshold": 0.5}),
    ("Adafactor", {"relative_step": False, "beta_2_decay": -0.5}),
    ("Muon", {}), ("Muon", {"nesterov": False, "rms_rate": None, "exclude_embeddings": False, "ns_steps": 3}),
    ("Muon", {"exclude_layers": ["tall"], "adam_lr_ratio": 0.5, "adam_weight_decay": None}),
]
COMMON = [{"clipnorm": 0.5}, {"clipvalue": 0.3}, {"global_clipnorm": 1.0}, {"clipnorm": 100.0}, {"weight_decay": 0.01},
          {"use_ema": True, "ema_momentum": 0.8}, {"use_ema": True, "ema_overwrite_frequency": 2},
          {"gradient_accumulation_steps": 2}, {"gradient_accumulation_steps": 2, "use_ema": True,
                                               "ema_overwrite_frequency": 2, "clipnorm": 1.0, "weight_decay": 0.1},
          {"loss_scale_factor": 4.0}]
FLAT = CASES + [(name, common) for name in ("SGD", "Adam", "RMSprop", "Nadam") for common in COMMON]
IDS = [f"{name}-{'-'.join(f'{key}={value}' for key, value in kwargs.items())}" for name, kwargs in FLAT]


def variables(k):
    return [k.Variable(value.copy(), name=name) for name, value in zip(SHAPES, VALUES)]


def tensors(k, arrays):
    import fastnn
    return [None if a is None else k.ops.array(a) if k is keras else fastnn.tensor(a) for a in arrays]


def make(name, kwargs):
    return tuple((getattr(k.optimizers, name)(**kwargs), variables(k), k) for k in (ours, keras))


def names(optimizer):
    return [v.path.partition("/")[2] if v.path.startswith(optimizer.name) else "other" for v in optimizer.variables]


def assert_same_state(mine, theirs, weights, expected):
    """Keras takes 1 - beta**t in float32: of a step of 0.1 that is up to 1e-6, each time."""
    for got, wanted in zip(weights, expected):
        assert_same(got, wanted, rtol=2e-5, atol=5e-6)
    assert len(mine.variables) == len(theirs.variables)
    for got, wanted in zip(mine.variables, theirs.variables):
        assert_same(got, wanted, rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("name, kwargs", FLAT, ids=IDS)
def test_steps(name, kwargs):
    (mine, weights, _), (theirs, expected, _) = make(name, kwargs)
    mine.build(weights)
    theirs.build(expected)
    assert [n.split("/")[-1].partition("variable")[0] for n in names(mine)] == \
        [n.split("/")[-1].partition("variable")[0] for n in names(theirs)]
    for grads in GRADS:
        mine.apply(tensors(ours, grads), weights)
        theirs.apply(tensors(keras, grads), expected)
        assert int(plain(mine.iterations)) == int(plain(theirs.iterations))
        assert_same_state(mine, theirs, weights, expected)
    mine.finalize_variable_values(weights)
    theirs.finalize_variable_values(expected)
    assert_same_state(mine, theirs, weights, expected)


@pytest.mark.parametrize("name, kwargs", FLAT, ids=IDS)
def test_config(name, kwargs):
    mine, theirs = (getattr(k.optimizers, name)(name="given", **kwargs) for k in (ours, keras))
    assert_same_config(mine, theirs)


@pytest.mark.parametrize("name", public_names(keras.optimizers, ("Optimizer", "MultiOptimizer", "OptimizerMap")))
def test_signature(name):
    mine, theirs = getattr(ours.optimizers, name), getattr(keras.optimizers, name)
    assert parameters(mine) == parameters(theirs) if name not in ("get", "serialize", "deserialize") else callable(mine)


def test_names():
    from keras.src.optimizers import ALL_OBJECTS_DICT
    for name, theirs in ALL_OBJECTS_DICT.items():
        if theirs.__name__ in ("Optimizer", "MultiOptimizer", "OptimizerMap", "LossScaleOptimizer"):
            continue
        for each in (name, theirs.__name__):
            assert type(ours.optimizers.get(each)).__name__ == theirs.__name__
        record = ours.optimizers.serialize(ours.optimizers.get(name))
        assert without_modules(record) == without_modules({**keras.optimizers.serialize(theirs()), "config":
                                                           {**theirs().get_config(), "name": record["config"]["name"]}})
        assert type(ours.optimizers.deserialize(record)).__name__ == theirs.__name__
    assert ours.optimizers.legacy.Adam is ours.optimizers.Adam
    for wrong in ("nonsense", 3, dict):
        with pytest.raises(ValueError, match="Could not interpret optimizer identifier"):
            ours.optimizers.get(wrong)


def test_default_names():
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Nadam"):
        from keras.src.utils.naming import to_snake_case
        assert getattr(ours.optimizers, name)().name.startswith(to_snake_case(name))


def test_loss_scale():
    steps = [GRADS[0], [np.full_like(g, np.inf) for g in GRADS[0]], *GRADS[1:]]
    kwargs = {"initial_scale": 8.0, "dynamic_growth_steps": 2, "name": "given"}
    mine = ours.optimizers.LossScaleOptimizer(ours.optimizers.Adam(name="a"), **kwargs)
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(name="a"), **kwargs)
    weights, expected = variables(ours), variables(keras)
    assert float(mine.scale_loss(2.0)) == 16.0
    mine.build(weights)
    theirs.build(expected)
    for grads in steps:
        mine.apply(tensors(ours, grads), weights)
        theirs.apply(tensors(keras, grads), expected)
        assert_same_state(mine, theirs, weights, expected)
    assert float(mine.scale_loss(1.0)) == float(plain(theirs.scale_loss(1.0)))
    assert_same_config(mine, theirs)
    mine.learning_rate = 0.5
    assert float(mine.inner_optimizer.learning_rate) == 0.5
    for wrong in ({"dynamic": False}, {"clipnorm": 1.0}, {"nonsense": 1}):
        with pytest.raises(ValueError):
            ours.optimizers.LossScaleOptimizer(ours.optimizers.Adam(), **wrong)


def test_constraints_and_missing_gradients():
    results = []
    for k in (ours, keras):
        optimizer, weights = k.optimizers.SGD(0.5), variables(k)
        weights[0].constraint = k.constraints.NonNeg()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optimizer.apply(tensors(k, [GRADS[0][0], None, *GRADS[0][2:]]), weights)
        results.append([plain(w) for w in weights])
        with pytest.raises(ValueError, match="No gradients provided"):
            optimizer.apply([None] * 5, weights)
        with pytest.raises(ValueError, match="Unknown variable"):
            optimizer.apply(tensors(k, GRADS[0][:1]), variables(k)[:1])
    for got, expected in zip(*results):
        assert_same(got, expected)
    assert (results[0][0] >= 0).all()
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        ours.optimizers.SGD().apply(tensors(ours, [GRADS[0][0], None]), variables(ours)[:2])


def test_weight_decay_can_be_left_out():
    results = []
    for k in (ours, keras):
        weights = variables(k)
        optimizer = k.optimizers.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=[weights[0]], var_names=["bias"])
        optimizer.apply_gradients(zip(tensors(k, GRADS[0]), weights))
        results.append([plain(w) for w in weights])
    for got, expected in zip(*results):
        assert_same(got, expected)


def test_gradients_that_are_not_finite():
    for kwargs in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}):
        results = []
        for k in (ours, keras):
            optimizer, weights = k.optimizers.SGD(0.1, **kwargs), variables(k)[:2]
            optimizer.apply(tensors(k, [np.full((3, 4), np.inf, np.float32), GRADS[0][1]]), weights)
            results.append([plain(w) for w in weights])
        for got, expected in zip(*results):
            np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_an_optimizer_of_ones_own():
    def define(k):
        class Mine(k.optimizers.Optimizer):
            def build(self, var_list):
                super().build(var_list)
                self.sums = self.add_optimizer_variables(var_list, "sum")

            def update_step(self, gradient, variable, learning_rate):
                total = self.sums[self._get_variable_index(variable)]
                self.assign_add(total, gradient)
                self.assign_sub(variable, learning_rate * total)
        return Mine(learning_rate=0.1, name="mine")
    weights, expected = variables(ours), variables(keras)
    mine, theirs = define(ours), define(keras)
    for grads in GRADS:
        mine.apply(tensors(ours, grads), weights)
        theirs.apply(tensors(keras, grads), expected)
    assert_same_state(mine, theirs, weights, expected)


def test_learning_rate_can_be_set():
    optimizer = ours.optimizers.Adam(0.1)
    optimizer.learning_rate = 0.2
    assert float(optimizer.learning_rate) == pytest.approx(0.2) and optimizer.get_config()["learning_rate"] == \
        pytest.approx(0.2)
    optimizer.learning_rate.assign(0.3)
    assert float(optimizer.lr) == pytest.approx(0.3)
    optimizer.learning_rate = ours.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    assert float(optimizer.learning_rate) == 1.0
    with pytest.raises(TypeError, match="not settable"):
        optimizer.learning_rate = 0.1
    optimizer = ours.optimizers.SGD(lambda: 0.25)
    weights = variables(ours)
    optimizer.apply(tensors(ours, GRADS[0]), weights)
    assert_same(weights[0], VALUES[0] - 0.25 * GRADS[0][0])


def test_state_goes_from_one_to_the_other():
    (mine, weights, _), (theirs, expected, _) = make("Adam", {"amsgrad": True})
    theirs.build(expected)
    for grads in GRADS:
        theirs.apply(tensors(keras, grads), expected)
    store = {}
    theirs.save_own_variables(store)
    mine.build(weights)
    mine.load_own_variables(store)
    for got, wanted in zip(weights, expected):
        got.assign(plain(wanted))
    mine.apply(tensors(ours, GRADS[0]), weights)
    theirs.apply(tensors(keras, GRADS[0]), expected)
    assert_same_state(mine, theirs, weights, expected)
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        mine.load_own_variables({"0": store["0"]})
    with pytest.raises(ValueError, match="not compatible"):
        mine.set_weights([np.zeros((7, 7))])


@pytest.mark.parametrize("kwargs", [{"clipnorm": 1.0, "clipvalue": 1.0}, {"use_ema": True, "ema_momentum": 2},
                                    {"use_ema": True, "ema_overwrite_frequency": 0.5},
                                    {"gradient_accumulation_steps": 1}, {"learning_rate": "x"}, {"nonsense": 1},
                                    {"momentum": 2.0}])
def test_errors(kwargs):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            k.optimizers.SGD(**kwargs)


@pytest.mark.parametrize("name, kwargs", [("Lion", {"beta_1": 0.0}), ("AdamW", {"weight_decay": None}),
                                          ("Ftrl", {"learning_rate_power": 1.0}),
                                          ("Ftrl", {"l1_regularization_strength": -1.0})])
def test_errors_of_some(name, kwargs):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            getattr(k.optimizers, name)(**kwargs)


def test_one_or_several_threads_same_bits(kernel_settings):
    results = []
    for threads in (1, 2):
        kernel_settings.set_num_threads(threads)
        found = []
        for name, kwargs in CASES:
            weights = variables(ours)
            optimizer = getattr(ours.optimizers, name)(**kwargs)
            for grads in GRADS[:2]:
                optimizer.apply(tensors(ours, grads), weights)
            found += [plain(w).tobytes() for w in weights]
        results.append(found)
    assert results[0] == results[1]


SCHEDULES = [
    ("ExponentialDecay", (0.1, 10, 0.9), {}), ("ExponentialDecay", (0.1, 10, 0.9), {"staircase": True}),
    ("PiecewiseConstantDecay", ([5, 20], [1.0, 0.5, 0.1]), {}), ("PiecewiseConstantDecay", ([7], [0.1, 0.01]), {}),
    ("PolynomialDecay", (0.1, 10), {}), ("PolynomialDecay", (0.1, 10, 0.01, 2.0), {"cycle": True}),
    ("InverseTimeDecay", (0.1, 10, 0.5), {}), ("InverseTimeDecay", (0.1, 10, 0.5), {"staircase": True}),
    ("CosineDecay", (0.1, 20), {}), ("CosineDecay", (0.1, 20, 0.2), {}),
    ("CosineDecay", (0.0, 20), {"warmup_target": 0.3, "warmup_steps": 7, "alpha": 0.1}),
    ("CosineDecayRestarts", (0.1, 7), {}), ("CosineDecayRestarts", (0.1, 7, 1.0, 0.8, 0.1), {}),
    ("CosineDecayRestarts", (0.1, 7, 1.5, 0.9), {}),
]


@pytest.mark.parametrize("name, args, kwargs", SCHEDULES)
def test_schedule(name, args, kwargs):
    mine, theirs = (getattr(k.optimizers.schedules, name)(*args, **kwargs) for k in (ours, keras))
    for step in range(60):
        assert_same(mine(step), theirs(step), rtol=1e-5, atol=1e-7)
    assert_same(mine(np.arange(9)), np.array([float(mine(i)) for i in range(9)], np.float32))
    assert_same_config(mine, theirs)
    schedules = ours.optimizers.schedules
    assert float(schedules.deserialize(schedules.serialize(mine))(3)) == float(mine(3))
    results = []
    for k, schedule in ((ours, mine), (keras, theirs)):
        optimizer, weights = k.optimizers.SGD(schedule, momentum=0.5), variables(k)
        for grads in GRADS:
            optimizer.apply(tensors(k, grads), weights)
        results.append((optimizer, weights))
    assert_same_state(results[0][0], results[1][0], results[0][1], results[1][1])
    assert_same_config(*(k.optimizers.SGD(schedule, name="given") for k, schedule in ((ours, mine), (keras, theirs))))


@pytest.mark.parametrize("name", public_names(keras.optimizers.schedules, ("serialize", "deserialize")))
def test_schedule_signature(name):
    assert parameters(getattr(ours.optimizers.schedules, name)) == \
        parameters(getattr(keras.optimizers.schedules, name))


@pytest.mark.parametrize("name, args", [("ExponentialDecay", (0.1, 0, 0.9)), ("PiecewiseConstantDecay", ([1], [1.0])),
                                        ("PolynomialDecay", (0.1, -1)), ("CosineDecayRestarts", (0.1, 0))])
def test_schedule_errors(name, args):
    for k in (ours, keras):
        with pytest.raises(ValueError):
            getattr(k.optimizers.schedules, name)(*args)
