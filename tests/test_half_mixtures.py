"""float16 and bfloat16 beside other dtypes: PyTorch's dtypes, numbers and refusals."""
import numpy as np
import pytest

import fastnn
from fastnn import nn


MIXTURES = """
x@y
T.mm(x, y)
T.mv(x, y[0])
T.bmm(x[None], y[None])
T.dot(x[0], y[0])
T.inner(x, y)
T.einsum("ij, jk", x, y)
T.tensordot(x, y, 1)
T.linalg.multi_dot([x, y])
T.addmm(x, y, y)
T.addmm(x, x, y)
T.baddbmm(x[None], y[None], y[None])
T.linalg.cross(x[:, :1].expand(2, 3), y[:, :1].expand(2, 3))
T.cdist(x, y)
F.linear(x, y)
F.linear(x, x, y[0])
F.bilinear(x, x, y[None])
F.conv1d(x[None], y[None])
F.conv2d(x[None, None], x[None, None], y[0, :1])
F.conv_transpose2d(x[None, None], y[None, None])
F.prelu(x, y[0])
F.binary_cross_entropy(x, y)
F.grid_sample(x[None, None], y[None, None], align_corners=False)
F.embedding_bag(i[None], x, per_sample_weights=y[:1], mode="sum")
F.layer_norm(x, (2, ), y[0], y[0])
F.group_norm(x, 1, y[0], y[0])
F.instance_norm(x[None], weight=y[0], bias=y[0])
F.batch_norm(x, y[0], y[0], y[1], y[1])
F.batch_norm(x, y[0].clone(), y[1].clone(), training=True)
F.scaled_dot_product_attention(x, x, x, y)
F.scaled_dot_product_attention(x, y, x)
F.mse_loss(x, y)
F.l1_loss(x, y)
F.cross_entropy(x, y)
T.lerp(x, y, .5)
T.heaviside(x, y)
T.isclose(x, y)
T.allclose(x, y)
T.addcmul(x, x, y)
T.outer(x[0], y[0])
T.kron(x, y)
T.cat([x, y])
T.stack([x, y])
T.where(x > 0, x, y)
T.maximum(x, y)
T.hypot(x, y)
x+y
x*y[0, 0]
x+3
x.clone().scatter_(0, i[None], y)
x.clone().scatter_add_(0, i[None], y)
x.clone().index_add_(0, i, y)
x.clone().index_copy_(0, i, y)
x.clone().index_put_((i, ), y)
x.clone().masked_scatter_(x > 0, y)
x.clone().masked_fill_(x > 0, y[0, 0])
x.clone().mul_(y)
x.clone().copy_(y)
x.sum(dtype=y.dtype)
x.to(y)
""".split("\n")[1:-1]


@pytest.mark.parametrize("call", MIXTURES)
def test_mixtures(call):
    """Tensors of float16, bfloat16 and float32 in one call have PyTorch's dtype, or PyTorch's refusal."""
    torch = pytest.importorskip("torch")

    def outcome(library, first, second):
        x, y = (library.tensor([[0.5, 0.25], [0.25, 0.5]], dtype=getattr(library, kind)) for kind in (first, second))
        try:
            found = eval(call, {"T": library, "F": library.nn.functional, "x": x, "y": y, "i": library.tensor([1, 0])})
        except RuntimeError:
            return RuntimeError
        return str(getattr(found, "dtype", type(found)))
    kinds = "float16", "bfloat16", "float32"
    for first in kinds:
        for second in kinds:
            if first != second:  # PyTorch lacks some functions of halves
                assert outcome(fastnn, first, second) == outcome(torch, first, second), (first, second)


def test_a_mixture_is_named():
    with pytest.raises(RuntimeError, match=r"same dtype, but got: torch.float16 != torch.float32"):
        nn.functional.linear(fastnn.ones(2, 3).half(), fastnn.ones(2, 3))


def test_numpy_arrays():
    """An array of float16 is an operand like a tensor."""
    for kind in (fastnn.float16, fastnn.float32):
        found = fastnn.ones(2, dtype=kind) + np.float16([0.5, 0.25])
        assert found.dtype is kind and found.tolist() == [1.5, 1.25]
    with pytest.raises(NotImplementedError, match="add.*UInt16"):
        fastnn.ones(2, dtype=fastnn.uint16) + np.uint16([1, 2])


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_initial_values(kind):
    torch = pytest.importorskip("torch")

    def values(library, draw):
        library.manual_seed(3)
        return draw(library.nn.init, library.empty(40, 5, dtype=getattr(library, kind))).tolist()
    for draw in (lambda init, x: init.trunc_normal_(x, 0.0, 2.0, -1.0, 3.0), lambda init, x: init.kaiming_uniform_(x),
                 lambda init, x: init.xavier_normal_(x), lambda init, x: init.sparse_(x, 0.3)):
        assert values(fastnn, draw) == values(torch, draw)
    with pytest.raises(NotImplementedError, match="orthogonal_.*16"):
        nn.init.orthogonal_(fastnn.empty(2, 3, dtype=getattr(fastnn, kind)))


def test_lbfgs_refuses():
    p = nn.Parameter(fastnn.ones(3).half())
    with pytest.raises(NotImplementedError, match=r"LBFGS: .*torch.float16"):
        fastnn.optim.LBFGS([p]).step(lambda: p.sum())
