"""The random streams: PyTorch's, number for number."""
import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from fastnn.random import Generator, default_generator, fork_rng, initial_seed, manual_seed

SIZES = [*range(1, 101), 127, 160, 1000, 4097, 100_003]


def new(n, dtype="float32"):
    return np.empty(n, dtype)


def ulps(x, y):
    """Largest distance in units of the last place of y."""
    x, y = np.asarray(x), np.asarray(y)
    return float(np.max(np.abs(x.astype(np.float64) - y) / np.spacing(np.abs(y)), initial=0))


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def pair(torch):
    """Our generator and PyTorch's, of one seed."""
    return Generator().manual_seed(1234), torch.Generator().manual_seed(1234)


# ---- without PyTorch ----

def test_known_numbers():
    """The reference output of MT19937 for the seed 5489, and PyTorch's first draws for the seed 0."""
    gen = Generator().manual_seed(5489)
    assert gen.random(np.empty(1, np.int64), 0, 1 << 27)[0] == 3499211612 % (1 << 27)
    np.testing.assert_allclose(
        Generator().manual_seed(0).uniform(new(3)), [0.4962566, 0.7682218, 0.08847743], rtol=1e-7
    )
    np.testing.assert_allclose(
        Generator().manual_seed(0).normal(new(3)), [1.5409961, -0.2934289, -2.1787894], rtol=1e-6
    )
    assert Generator().manual_seed(0).randperm(5).tolist() == [4, 0, 1, 3, 2]


def test_seeds():
    assert Generator().initial_seed() == 67280421310721
    assert Generator().manual_seed(-1).initial_seed() == 2 ** 64 - 1
    gen = Generator()
    assert gen.seed() == gen.initial_seed() != 67280421310721
    assert manual_seed(3) is default_generator and initial_seed() == 3
    for seed in (2 ** 64, -2 ** 63 - 1):
        with pytest.raises(ValueError, match="manual_seed"):
            gen.manual_seed(seed)
    with pytest.raises(RuntimeError, match="CPU only"):
        Generator("cuda")


def test_state_round_trip():
    gen = Generator().manual_seed(7)
    gen.normal(new(3))
    for clone in (copy.copy(gen), copy.deepcopy(gen), pickle.loads(pickle.dumps(gen)), gen.clone_state(),
                  Generator().set_state(gen.state_array())):
        expected = gen.clone_state()
        for n in (5, 700, 20):
            np.testing.assert_array_equal(clone.normal(new(n)), expected.normal(new(n)))
    bad = gen.state_array()
    bad[8:24] = 255
    for state, error in ((bad, ValueError), (bad[:100], ValueError), (bad.view(np.int8), TypeError)):
        before = gen.state_array()
        with pytest.raises(error, match="set_state"):
            gen.set_state(state)
        np.testing.assert_array_equal(gen.state_array(), before)


def test_fork_rng():
    manual_seed(1)
    with fork_rng():
        first = default_generator.uniform(new(4)).copy()
    np.testing.assert_array_equal(default_generator.uniform(new(4)), first)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda g: g.uniform(new(3), 1, 0), ValueError),
        (lambda g: g.uniform(new(3), float("nan"), 0), ValueError),
        (lambda g: g.uniform(new(3, "int32")), TypeError),
        (lambda g: g.uniform(new(3), -3e38, 3e38), ValueError),
        (lambda g: g.normal(new(3), 0, -1), ValueError),
        (lambda g: g.normal(new(30, "int64")), TypeError),
        (lambda g: g.normal(new(3), 0, float("nan")), ValueError),
        (lambda g: g.randperm(-1), ValueError),
        (lambda g: g.randint(3, 3, (2,)), ValueError),
        (lambda g: g.random(new(3, "uint8"), 0, 300), ValueError),
        (lambda g: g.bernoulli(new(3), 1.5), ValueError),
        (lambda g: g.bernoulli(new(3), np.array([0.5, 2, 0])), ValueError),
        (lambda g: g.bernoulli(new(3), np.ones(2)), ValueError),
        (lambda g: g.exponential(new(3), 0), ValueError),
        (lambda g: g.multinomial(np.ones(3), 4), ValueError),
        (lambda g: g.multinomial(-np.ones(3), 1), ValueError),
        (lambda g: g.multinomial(np.zeros(3), 1), ValueError),
        (lambda g: g.multinomial(np.ones((1, 1, 1)), 1), ValueError),
    ],
)
def test_errors(call, error):
    with pytest.raises(error):
        call(Generator())


def test_read_only_output():
    out = new(20)
    out.flags.writeable = False
    for call in (Generator().uniform, Generator().normal, Generator().random, Generator().bernoulli):
        with pytest.raises(ValueError, match="read-only"):
            call(out)


UNSEEDED = """
import os, sys
import fastnn
from fastnn.nn import functional as F
print(fastnn.initial_seed(), fastnn.rand(3).tolist(), F.dropout(fastnn.ones(64)).tolist(), fastnn.randperm(20).tolist(),
      flush=True)
"""
FORKED = UNSEEDED + """
if os.fork() == 0:
    print(fastnn.initial_seed(), fastnn.rand(4).tolist(), flush=True)
    os._exit(0)
os.wait()
print(fastnn.initial_seed(), fastnn.rand(4).tolist(), fastnn.Generator().initial_seed())
"""


def test_a_program_without_a_seed_differs_from_run_to_run():
    """As PyTorch's: the default stream's seed comes from the operating system, a new Generator's is always the same,
    and a forked child goes on where its parent was."""
    command = [sys.executable, "-c", FORKED]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n") for _ in range(2)]
    assert runs[0][0] != runs[1][0] and runs[0][1] != runs[1][1]
    for first, child, parent, *_ in runs:
        assert parent == f"{child} 67280421310721" and first.split()[0] == child.split()[0]


def test_seeds_of_the_operating_system_have_64_bits():
    generator = Generator()
    seeds = [generator.seed() for _ in range(64)]
    assert len(set(seeds)) == 64 and max(seeds) > 2 ** 63 and generator.initial_seed() == seeds[-1]


DRAWN = Generator().manual_seed(5).uniform(np.empty(312 * 3))[[3, 300, 500]].tolist()  # decided by their second words


@pytest.mark.parametrize("p", [0.0, 1e-18, 2.0 ** -53, 0.3, 0.5, 1 - 2.0 ** -53, 1.0, *DRAWN,
                               *(np.nextafter(p, 1).item() for p in DRAWN)])
def test_bernoulli_is_a_double_below_p(p):
    """Whatever part of a block of 624 words is left, and wherever a call ends."""
    for start in (0, 1, 2, 621, 622, 623, 624, 625):
        ours, plain = Generator().manual_seed(5), Generator().manual_seed(5)
        for generator in (ours, plain):
            generator.uniform(new(start))
        for n in (1, 2, 311, 312, 313, 5, 1000):
            expected = plain.uniform(new(n, "float64")) < p
            np.testing.assert_array_equal(ours.bernoulli(new(n), p), expected)
        np.testing.assert_array_equal(ours.state_array(), plain.state_array())


# ---- against PyTorch ----

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("low, high", [(0, 1), (-0.1, 0.3), (-0.0357142857, 0.0357142857), (5, 5), (-1e30, 1e38)])
def test_uniform(torch, pair, dtype, low, high):
    ours, theirs = pair
    for n in SIZES:
        expected = torch.empty(n, dtype=getattr(torch, dtype)).uniform_(low, high, generator=theirs).numpy()
        np.testing.assert_array_equal(ours.uniform(new(n, dtype), low, high), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mean, std", [(0, 1), (0.5, 0.02), (3, 0)])
def test_normal(torch, pair, dtype, mean, std):
    ours, theirs = pair
    for n in SIZES:
        expected = torch.empty(n, dtype=getattr(torch, dtype)).normal_(mean, std, generator=theirs).numpy()
        assert ulps(ours.normal(new(n, dtype), mean, std), expected) <= 2, n


def test_float32_normal_is_bit_equal(torch, pair):
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("PyTorch has a different formula without AVX2")
    ours, theirs = pair
    expected = torch.empty(1_000_000).normal_(generator=theirs).numpy()
    np.testing.assert_array_equal(ours.normal(new(1_000_000)), expected)


def test_integers(torch, pair):
    ours, theirs = pair
    for n in (0, 1, 5, 700):
        for low, high in ((0, 10), (-5, 3), (0, 2**28 - 1), (0, 2**28), (-(2**40), 2**60), (-(2**63), 2**63 - 1)):
            expected = torch.randint(low, high, (n,), generator=theirs).numpy()
            np.testing.assert_array_equal(ours.randint(low, high, n), expected)
        expected = torch.empty(n, dtype=torch.int64).random_(-2 ** 63, None, generator=theirs).numpy()
        np.testing.assert_array_equal(ours.random(new(n, "int64"), -2 ** 63), expected)
        for dtype in ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"):
            expected = torch.empty(n, dtype=getattr(torch, dtype)).random_(generator=theirs).numpy()
            np.testing.assert_array_equal(ours.random(new(n, dtype)), expected, err_msg=dtype)


def test_permutation_and_seed(torch, pair):
    ours, theirs = pair
    for n in (0, 1, 2, 3, 10, 1000, 60_000):
        np.testing.assert_array_equal(ours.randperm(n), torch.randperm(n, generator=theirs).numpy())
        assert ours.random63() == torch.empty((), dtype=torch.int64).random_(generator=theirs).item()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli(torch, pair, dtype):
    ours, theirs = pair
    for n in (1, 7, 1000):
        for p in (0.0, 0.3, 0.5, 1.0):
            expected = torch.empty(n, dtype=getattr(torch, dtype)).bernoulli_(p, generator=theirs).numpy()
            np.testing.assert_array_equal(ours.bernoulli(new(n, dtype), p), expected)
        chances = np.random.default_rng(0).random(n).astype(dtype)
        expected = torch.bernoulli(torch.from_numpy(chances), generator=theirs).numpy()
        np.testing.assert_array_equal(ours.bernoulli(new(n, dtype), chances), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, args", [("exponential", (0.5,)), ("log_normal", (0.1, 0.5)), ("cauchy", (1.0, 2.0)),
                                        ("geometric", (0.3,))])
def test_other_distributions(torch, pair, dtype, name, args):
    ours, theirs = pair
    for n in (1, 3, 100):
        expected = getattr(torch.empty(n, dtype=getattr(torch, dtype)), name + "_")(*args, generator=theirs).numpy()
        assert ulps(getattr(ours, name)(new(n, dtype), *args), expected) <= 2


def test_multinomial(torch, pair):
    ours, theirs = pair
    weights = np.random.default_rng(1).random((3, 50))
    for args in ((1, False), (20, False), (1, True), (100, True)):
        for w in (weights, weights[0], weights.astype("float32")):
            expected = torch.multinomial(torch.from_numpy(w), *args, generator=theirs).numpy()
            np.testing.assert_array_equal(ours.multinomial(w, *args), expected)


def test_arrays_with_gaps(torch, pair):
    """PyTorch fills in the order of memory, and draws normal numbers one by one."""
    ours, theirs = pair
    for make in (lambda x: x.T, lambda x: x[:, ::2], lambda x: x[1:3].T):
        a, t = np.zeros((6, 8), "float32"), torch.zeros(6, 8)
        for name in ("uniform", "normal", "bernoulli", "random"):
            getattr(make(t), name + "_")(generator=theirs)
            getattr(ours, name)(make(a))
            assert ulps(a, t.numpy()) <= 2, name


def test_mixed_sequences(torch, pair):
    """A waiting second normal number outlives other draws, and a new seed drops it."""
    ours, theirs = pair
    rng = np.random.default_rng(0)
    for step in range(300):
        n = int(rng.integers(1, 40))
        kind = rng.integers(6)
        dtype = ["float32", "float64"][rng.integers(2)]
        empty = torch.empty(n, dtype=getattr(torch, dtype))
        if kind == 0:
            expected, got = empty.uniform_(generator=theirs), ours.uniform(new(n, dtype))
        elif kind < 3:
            expected, got = empty.normal_(generator=theirs), ours.normal(new(n, dtype))
        elif kind == 3:
            expected, got = torch.randperm(n, generator=theirs), ours.randperm(n)
        elif kind == 4:
            expected, got = torch.randint(100, (n,), generator=theirs), ours.randint(0, 100, n)
        else:
            expected, got = theirs.get_state(), ours.state_array()
        assert ulps(got, expected.numpy()) <= (2 if kind in (1, 2) else 0), (step, kind, n)
        if step % 50 == 49:
            ours.manual_seed(step), theirs.manual_seed(step)


def test_state_is_pytorchs(torch, pair):
    ours, theirs = pair
    np.testing.assert_array_equal(ours.state_array(), theirs.get_state().numpy())
    for n in (3, 17, 700, 1300):
        ours.normal(new(n)), torch.empty(n).normal_(generator=theirs)
        state = theirs.get_state().numpy().copy()
        same = np.frombuffer(ours.state_array().tobytes(), "u8")[:627] == np.frombuffer(state.tobytes(), "u8")[:627]
        assert same.all()
        other = Generator().set_state(state)
        expected = torch.empty(33).normal_(generator=theirs).numpy()
        assert ulps(other.normal(new(33)), expected) <= 2
        theirs.set_state(torch.from_numpy(ours.state_array()))
