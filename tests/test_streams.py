"""Seeded programs: each function takes from the generator what PyTorch's takes, and makes of it what PyTorch makes."""
import numpy as np
import pytest

import fastnn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def made(module):
    """The parameters that a module starts with, end to end."""
    parameters = [p.detach().reshape(-1) for p in module.parameters()]
    return np.concatenate([p.numpy() for p in parameters]) if parameters else np.zeros(1)


def loaded(T, **options):
    """Two passes over a loader of twelve rows."""
    loader = T.utils.data.DataLoader(T.utils.data.TensorDataset(T.arange(12)), batch_size=5, **options)
    return T.cat([batch for _ in range(2) for batch, in loader])


def sampled(T, name, *args, **options):
    return T.tensor(list(getattr(T.utils.data, name)(*args, **options)))


def transformer(T, **options):
    """A layer of a transformer, small weights and its output."""
    layer = T.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, **options)
    return layer(T.randn(3, 5, 8))


def attention(T, need_weights, average=True, **options):
    layer = T.nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True, **options)
    x = T.randn(3, 5, 8)
    return layer(x, x, x, need_weights=need_weights, average_attn_weights=average)[0]


def recurrent(T, name, packed=False, **options):
    layer = getattr(T.nn, name)(3, 4, 3, dropout=0.4, **options)
    x = T.randn(5, 2, 3)
    if packed:
        x = T.nn.utils.rnn.pack_padded_sequence(x, [5, 3] if not options.get("batch_first") else [2, 2, 2, 1, 1],
                                                batch_first=options.get("batch_first", False))
        return layer(x)[0].data
    return layer(x)[0]


def heads(T, *shape, **options):
    return T.nn.functional.scaled_dot_product_attention(*(T.randn(*shape) for _ in range(3)), dropout_p=0.4, **options)


DRAWS = {
    "rand": lambda T: T.rand(7),
    "rand_like of a transposed": lambda T: T.rand_like(T.zeros(3, 5).t()),
    "randn_like of a transposed": lambda T: T.randn_like(T.zeros(7, 5).t()),
    "randn_like of permuted": lambda T: T.randn_like(T.zeros(3, 4, 5).permute(2, 0, 1)),
    "randint_like of a transposed": lambda T: T.randint_like(T.zeros(7, 5).t(), 100),
    "bernoulli of a transposed": lambda T: T.bernoulli(T.full((3, 5), 0.3).t()),
    "bernoulli number of a transposed": lambda T: T.bernoulli(T.zeros(3, 5).t(), 0.3),
    "randn": lambda T: T.randn(7),
    "randn of more": lambda T: T.randn(100),
    "randn float64": lambda T: T.randn(21, dtype=T.float64),
    "randint": lambda T: T.randint(0, 9, (7,)),
    "randint wide": lambda T: T.randint(0, 2 ** 40, (7,)),
    "randint int32": lambda T: T.randint(0, 9, (7,), dtype=T.int32),
    "randint float": lambda T: T.randint(0, 9, (7,), dtype=T.float32),
    "randint uint8": lambda T: T.randint(0, 9, (7,), dtype=T.uint8),
    "randperm": lambda T: T.randperm(10),
    "randperm int32": lambda T: T.randperm(10, dtype=T.int32),
    "normal of numbers": lambda T: T.normal(0.0, 1.0, (20,)),
    "normal of tensors": lambda T: T.normal(T.arange(20.0), T.ones(20)),
    "multinomial": lambda T: T.multinomial(T.tensor([0.1, 0.2, 0.7]), 2),
    "multinomial of one": lambda T: T.multinomial(T.rand(4, 9), 1),
    "multinomial with replacement": lambda T: T.multinomial(T.rand(4, 9), 6, replacement=True),
    "bernoulli": lambda T: T.bernoulli(T.full((7,), 0.3)),
    "bernoulli float64": lambda T: T.bernoulli(T.full((7,), 0.3, dtype=T.float64)),
    "uniform_": lambda T: T.empty(7).uniform_(-1, 2),
    "uniform_ of a transposed": lambda T: T.zeros(3, 5).t().uniform_(),
    "uniform_ of columns": lambda T: T.zeros(5, 6)[:, ::2].uniform_(),
    "normal_ of a transposed": lambda T: T.zeros(7, 5).t().normal_(),
    "normal_ of columns": lambda T: T.zeros(7, 50)[:, ::2].normal_(),
    "bernoulli_": lambda T: T.empty(2000).bernoulli_(0.3),
    "bernoulli_ of a transposed": lambda T: T.zeros(30, 50).t().bernoulli_(0.3),
    "bernoulli_ int64": lambda T: T.zeros(9, dtype=T.int64).bernoulli_(0.3),
    "bernoulli_ of a tensor": lambda T: T.zeros(9).bernoulli_(T.full((9,), 0.4)),
    "bernoulli_ of one tensor": lambda T: T.zeros(9).bernoulli_(T.tensor(0.4)),
    "random_": lambda T: T.zeros(9).random_(),
    "random_ of a transposed": lambda T: T.zeros(3, 5, dtype=T.int64).t().random_(0, 100),
    "exponential_": lambda T: T.empty(9).exponential_(2.0),
    "exponential_ float64": lambda T: T.empty(9, dtype=T.float64).exponential_(2.0),
    "exponential_ of a transposed": lambda T: T.zeros(3, 5).t().exponential_(),
    "log_normal_": lambda T: T.empty(9).log_normal_(),
    "cauchy_": lambda T: T.empty(9).cauchy_(),
    "geometric_": lambda T: T.empty(9).geometric_(0.3),
    "rrelu": lambda T: T.nn.functional.rrelu(T.randn(50), training=True),
    "rrelu of a transposed": lambda T: T.nn.functional.rrelu(T.randn(5, 4).t(), training=True),
    "rrelu_": lambda T: T.nn.functional.rrelu_(T.randn(50), training=True),
    "rrelu in evaluation": lambda T: T.nn.functional.rrelu(T.randn(50)),
    "gumbel_softmax": lambda T: T.nn.functional.gumbel_softmax(T.randn(4, 5)),
    "gumbel_softmax hard": lambda T: T.nn.functional.gumbel_softmax(T.randn(4, 5), tau=0.5, hard=True),
    "gumbel_softmax of a transposed": lambda T: T.nn.functional.gumbel_softmax(T.randn(4, 5).t(), dim=0),
    "trunc_normal_": lambda T: T.nn.init.trunc_normal_(T.empty(30)),
    "trunc_normal_ narrow": lambda T: T.nn.init.trunc_normal_(T.empty(30), 0.0, 1.0, 1.0, 1.5),
    "trunc_normal_ far out": lambda T: T.nn.init.trunc_normal_(T.empty(30), 0.0, 1.0, 2.5, 3.0),
    "xavier_normal_": lambda T: T.nn.init.xavier_normal_(T.empty(5, 6)),
    "kaiming_uniform_": lambda T: T.nn.init.kaiming_uniform_(T.empty(5, 6)),
    "kaiming_normal_ of a transposed": lambda T: T.nn.init.kaiming_normal_(T.empty(5, 6).t()),
    "orthogonal_": lambda T: T.nn.init.orthogonal_(T.empty(5, 6)),
    "orthogonal_ tall": lambda T: T.nn.init.orthogonal_(T.empty(6, 5)),
    "sparse_": lambda T: T.nn.init.sparse_(T.empty(7, 5), 0.4),
    "dropout": lambda T: T.nn.functional.dropout(T.randn(2000), 0.3),
    "dropout float64": lambda T: T.nn.functional.dropout(T.randn(30, dtype=T.float64), 0.1),
    "dropout of a transposed": lambda T: T.nn.functional.dropout(T.randn(30, 20).t(), 0.3),
    "dropout of permuted": lambda T: T.nn.functional.dropout(T.randn(2, 3, 4, 5).permute(0, 3, 1, 2), 0.3),
    "dropout of columns": lambda T: T.nn.functional.dropout(T.randn(5, 6)[:, ::2], 0.3),
    "dropout of a transposed slice": lambda T: T.nn.functional.dropout(T.randn(5, 6)[:, ::2].t(), 0.3),
    "dropout of expanded columns": lambda T: T.nn.functional.dropout(T.ones(5, 1).expand(5, 6), 0.3),
    "dropout of expanded rows": lambda T: T.nn.functional.dropout(T.ones(1, 6).expand(5, 6), 0.3),
    "dropout of expanded and permuted": lambda T: T.nn.functional.dropout(
        T.ones(3, 1, 4).expand(3, 5, 4).permute(2, 1, 0), 0.3),
    "dropout in place": lambda T: T.nn.functional.dropout(T.randn(30), 0.3, inplace=True),
    "dropout in place of a transposed": lambda T: T.nn.functional.dropout(T.randn(6, 5).t(), 0.3, inplace=True),
    "dropout of all": lambda T: T.nn.functional.dropout(T.randn(30), 1.0),
    "dropout of nothing": lambda T: T.nn.functional.dropout(T.randn(30), 0.0),
    "dropout of no elements": lambda T: T.nn.functional.dropout(T.randn(0), 0.5),
    "dropout in evaluation": lambda T: T.nn.functional.dropout(T.randn(30), 0.5, False),
    "dropout1d": lambda T: T.nn.functional.dropout1d(T.randn(5, 6, 2), 0.3),
    "dropout1d without batch": lambda T: T.nn.functional.dropout1d(T.randn(5, 6), 0.3),
    "dropout1d of a transposed": lambda T: T.nn.functional.dropout1d(T.randn(5, 6, 2).transpose(0, 1), 0.3),
    "dropout2d": lambda T: T.nn.functional.dropout2d(T.randn(5, 6, 2, 2), 0.3),
    "dropout3d": lambda T: T.nn.functional.dropout3d(T.randn(5, 6, 2, 2, 2), 0.3),
    "dropout3d without batch": lambda T: T.nn.functional.dropout3d(T.randn(5, 2, 2, 2), 0.3),
    "alpha_dropout": lambda T: T.nn.functional.alpha_dropout(T.randn(100), 0.3, training=True),
    "alpha_dropout of all": lambda T: T.nn.functional.alpha_dropout(T.randn(100), 1.0, training=True),
    "feature_alpha_dropout": lambda T: T.nn.functional.feature_alpha_dropout(T.randn(5, 6, 3), 0.3, training=True),
    "torch.dropout": lambda T: T.dropout(T.randn(100), 0.3, True),
    "attention of heads": lambda T: heads(T, 2, 3, 7, 4),
    "attention of heads, causal": lambda T: heads(T, 2, 3, 7, 4, is_causal=True),
    "attention of one head": lambda T: heads(T, 7, 4),
    "attention of many dimensions": lambda T: heads(T, 2, 2, 3, 7, 4),
    "attention of all dropped": lambda T: T.nn.functional.scaled_dot_product_attention(
        *(T.randn(2, 3, 4) for _ in range(3)), dropout_p=1.0),
    "multi-head attention": lambda T: attention(T, False),
    "multi-head attention with weights": lambda T: attention(T, True),
    "multi-head attention with each head's weights": lambda T: attention(T, True, False),
    "multi-head attention with other rows": lambda T: attention(T, False, add_bias_kv=True, add_zero_attn=True),
    "encoder layer": lambda T: transformer(T),
    "encoder layer, batch first": lambda T: transformer(T, batch_first=True),
    "encoder layer, norm first": lambda T: transformer(T, norm_first=True),
    "transformer": lambda T: T.nn.Transformer(8, 2, 1, 1, 16, dropout=0.2)(T.randn(4, 2, 8), T.randn(3, 2, 8)),
    **{f"{name} {options}": lambda T, name=name, options=options: recurrent(T, name, **options)
       for name in ("RNN", "LSTM", "GRU")
       for options in ({}, {"batch_first": True}, {"bidirectional": True}, {"packed": True},
                       {"packed": True, "batch_first": True})},
    "LSTM with projection": lambda T: recurrent(T, "LSTM", proj_size=2, batch_first=True),
    "loader": lambda T: loaded(T),
    "shuffled loader": lambda T: loaded(T, shuffle=True),
    "shuffled loader with a generator": lambda T: loaded(T, shuffle=True, generator=T.Generator().manual_seed(3)),
    "loader with a sampler": lambda T: loaded(T, sampler=T.utils.data.RandomSampler(range(12), True, 9)),
    "loader of weighted": lambda T: loaded(T, sampler=T.utils.data.WeightedRandomSampler([1.0, 2.0, 3.0], 9)),
    "RandomSampler": lambda T: sampled(T, "RandomSampler", range(50)),
    "RandomSampler with replacement": lambda T: sampled(T, "RandomSampler", range(50), replacement=True,
                                                        num_samples=70),
    "SubsetRandomSampler": lambda T: sampled(T, "SubsetRandomSampler", [5, 3, 9, 7]),
    "WeightedRandomSampler": lambda T: sampled(T, "WeightedRandomSampler", [0.1, 0.9, 0.4], 2, replacement=False),
    "random_split": lambda T: T.tensor([i for part in T.utils.data.random_split(range(10), [3, 7]) for i in part]),
    "Generator": lambda T: T.rand(3, generator=T.Generator()),
    "spectral norm": lambda T: T.nn.utils.spectral_norm(T.nn.Linear(3, 4))(T.ones(2, 3)),
    "parametrized spectral norm": lambda T: T.nn.utils.parametrizations.spectral_norm(T.nn.Linear(3, 4))(T.ones(2, 3)),
    "fork_rng": lambda T: forked(T),
}
MODULES = {
    "Linear": (3, 4), "Bilinear": (2, 3, 4), "Conv1d": (2, 4, 3), "Conv2d": (2, 4, 3),
    "ConvTranspose1d": (2, 4, 3), "ConvTranspose2d": (2, 4, 3), "Embedding": (7, 5), "EmbeddingBag": (7, 5),
    "RNN": (3, 4, 2), "LSTM": (3, 4, 2), "GRU": (3, 4, 2), "RNNCell": (3, 4), "LSTMCell": (3, 4), "GRUCell": (3, 4),
    "MultiheadAttention": (8, 2), "TransformerEncoderLayer": (8, 2, 16), "TransformerDecoderLayer": (8, 2, 16),
    "PReLU": (3,), "BatchNorm1d": (3,), "LayerNorm": (3,), "GroupNorm": (1, 3),
}
DRAWS.update({f"nn.{name}": lambda T, name=name: made(getattr(T.nn, name)(*MODULES[name])) for name in MODULES})


def forked(T):
    with T.random.fork_rng():
        return T.rand(5)


def run(library, case):
    library.manual_seed(4)
    y = DRAWS[case](library)
    after = library.rand(3).numpy()
    return (y.detach().numpy() if hasattr(y, "detach") else y), after


@pytest.mark.parametrize("case", DRAWS)
@pytest.mark.filterwarnings("ignore")
def test_draws_are_pytorchs_and_take_as_much(case):
    (theirs, expected), (ours, after) = run(torch, case), run(fastnn, case)
    np.testing.assert_array_equal(after, expected, err_msg="what the next call draws")
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in DRAWS if case.startswith("dropout")])
def test_dropout_is_pytorchs_bit_for_bit(case):
    (theirs, _), (ours, _) = run(torch, case), run(fastnn, case)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs))


@pytest.mark.parametrize("case", [case for case in DRAWS if "dropout" in case or "attention" in case or "LSTM" in case])
def test_reference_draws_the_same(case):
    expected, after = run(fastnn, case)
    with fastnn.use_backend("reference"):
        ours, our_after = run(fastnn, case)
    np.testing.assert_array_equal(our_after, after)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_fake_images_are_torchvisions():
    """Normal numbers times 255, cast to bytes, and a label."""
    from fastnn.vision import datasets, transforms
    data = datasets.FakeData(5, (3, 8, 6), 7, transforms.ToTensor(), random_offset=2)
    for index in range(5):
        torch.manual_seed(index + 2)
        expected = torch.randn(3, 8, 6).mul(255).byte(), torch.randint(0, 7, (1,)).item()
        image, target = data[index]
        np.testing.assert_array_equal((image * 255).round().numpy(), expected[0].numpy())
        assert target == expected[1]
