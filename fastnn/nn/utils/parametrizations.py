"""Weight and spectral normalization and orthogonal matrices as parametrizations."""
import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.autograd import no_grad
from fastnn.dtypes import finfo
from fastnn.nn.modules.module import Module
from fastnn.nn.utils import parametrize
from fastnn.nn.utils.spectral_norm import as_matrix, default_dim, random_direction
from fastnn.nn.utils.weight_norm import norm_except_dim, scaled
from fastnn.ops.arithmetic import div
from fastnn.ops.compare import allclose
from fastnn.ops.creation import zeros_like
from fastnn.ops.decompositions import qr
from fastnn.ops.joining import cat
from fastnn.ops.linalg import solve
from fastnn.ops.linear import dot, mv
from fastnn.ops.matrix_functions import householder_product, matrix_exp
from fastnn.ops.norms import normalize
from fastnn.ops.ranges import eye
from fastnn.ops.sampling import randn

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """v g / |v| (Salimans & Kingma 2016)."""

    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        return scaled(weight_v, weight_g, self.dim)

    def right_inverse(self, weight):
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """Make a parameter v g / norm(v), with one g for each index of a dimension (Salimans & Kingma 2016).

    g is ``parametrizations.<name>.original0``, v ``original1``. Weights saved with the older ``nn.utils.weight_norm``
    can be loaded. Same as torch.nn.utils.parametrizations.weight_norm.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    name : str
        Default "weight".
    dim : int, optional
        The dimension, default 0; None: one g for all.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 1))
    >>> [(name, tuple(p.shape)) for name, p in layer.named_parameters()]
    [('bias', (1,)), ('parametrizations.weight.original0', (1, 1)), ('parametrizations.weight.original1', (1, 2))]
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_older(module, state_dict, prefix, *args):
        keys = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if all(key in state_dict for key in keys):
            for i, key in enumerate(keys):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)
    module.register_load_state_dict_pre_hook(from_older)
    return module


class _SpectralNorm(Module):
    """weight / sigma, sigma the largest singular value (Miyato et al. 2018)."""

    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] "
                             f"but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.dim, self.eps = dim % weight.ndim, eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = (random_direction(size, weight, eps) for size in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix, iterations):
        for _ in range(iterations):
            self._u.copy_(normalize(mv(matrix, self._v), dim=0, eps=self.eps))
            self._v.copy_(normalize(mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight):
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next iteration must not change what backward reads
        return div(weight, dot(u, mv(matrix, v)))

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Make a parameter weight / sigma, sigma its largest singular value, found by power iteration (Miyato et al. 2018).

    Same as torch.nn.utils.parametrizations.spectral_norm.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    name : str
        Default "weight".
    n_power_iterations : int
        Iterations in each forward pass in training; default 1.
    eps : float
        Least norm in the iteration.
    dim : int, optional
        The dimension of the outputs: default 1 for transposed convolutions, else 0.

    Raises
    ------
    ValueError
        The module has no such parameter, or `n_power_iterations` is not positive.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> layer.weight.data = fastnn.tensor([[3.0, 0.0], [0.0, 1.0]])
    >>> layer = nn.utils.parametrizations.spectral_norm(layer)
    >>> layer.weight.detach().round(decimals=2)
    tensor([[1.0000, 0.0000],
            [0.0000, 0.3300]])
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = default_dim(module) if dim is None else dim
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


MAPS = ("matrix_exp", "cayley", "householder")


def _orthogonalized(matrix):
    """The nearest way to orthogonal columns by reflections: Q of QR with a positive diagonal of R."""
    q, r = qr(matrix)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def _is_orthogonal(q):
    eps = 10 * q.shape[-2] * finfo(q.dtype).eps
    return allclose(q.transpose(-2, -1) @ q, eye(q.shape[-1], dtype=q.dtype), atol=eps)


class _Orthogonal(Module):
    """An orthogonal matrix as a function of a matrix without constraints (Lezcano Casado 2019, Mhammedi 2017)."""

    def __init__(self, weight, orthogonal_map, use_trivialization):
        super().__init__()
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def _map(self, x):
        """The first columns of an orthogonal matrix; there are not more of them than rows."""
        rows, columns = x.shape[-2:]
        if self.orthogonal_map == "householder":
            a = x.tril(-1)
            q = householder_product(a, 2.0 / (1.0 + (a * a).sum(-2)))
            return q * x.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
        x = x.tril()
        if rows != columns:
            x = cat([x, x.new_zeros(*x.shape[:-2], rows, rows - columns)], -1)
        a = x - x.transpose(-2, -1)
        if self.orthogonal_map == "matrix_exp":
            return matrix_exp(a)[..., :columns]
        one = eye(rows, dtype=a.dtype)
        return solve(one - 0.5 * a, one + 0.5 * a)[..., :columns]

    def forward(self, x):
        wide = x.shape[-2] < x.shape[-1]
        q = self._map(x.transpose(-2, -1) if wide else x)
        if getattr(self, "base", None) is not None:
            q = self.base @ q
        return q.transpose(-2, -1) if wide else q

    @no_grad()
    def right_inverse(self, value):
        """The matrix that gives `value`, or the orthogonal one nearest to it by reflections."""
        wide = value.shape[-2] < value.shape[-1]
        q = value.transpose(-2, -1) if wide else value
        rows, columns = q.shape[-2:]
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                          "parametrizations when use_trivialization=False.")
            return self._reflectors(q, wide)
        if rows != columns:
            q = _orthogonalized(cat([q, randn(*q.shape[:-2], rows, rows - columns, dtype=q.dtype)], -1))
        elif not _is_orthogonal(q):
            q = _orthogonalized(q)
        self.base = q.clone()
        made = zeros_like(value)
        made.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return made

    def _reflectors(self, q, wide):
        """The reflections of QR below a diagonal of signs."""
        flat = q.reshape(-1, *q.shape[-2:]).numpy()
        found = []
        for matrix in flat:
            raw, tau = np.linalg.qr(matrix, mode="raw")
            a = np.array(raw.T, matrix.dtype)
            i = np.arange(a.shape[1])
            a[i, i] = np.where(tau == 0, -np.sign(a[i, i]), np.sign(a[i, i]))
            found.append(a)
        made = from_array(np.stack(found).reshape(q.shape))
        return made.transpose(-2, -1) if wide else made


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """Keep a matrix orthogonal while it is learned: Q^T Q = I, or Q Q^T = I if it has more columns than rows.

    Same as torch.nn.utils.parametrizations.orthogonal.

    Parameters
    ----------
    module : Module
        It is changed and returned.
    name : str
        The parameter, (..., n, k); default "weight".
    orthogonal_map : {"matrix_exp", "cayley", "householder"}, optional
        How it is made of a free matrix; default "matrix_exp" for square ones, else "householder".
    use_trivialization : bool
        Whether Q is a fixed orthogonal matrix times the map's, which makes every Q reachable; default True.

    Raises
    ------
    ValueError
        There is no such parameter, it has fewer than two dimensions, or another map is named.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))
    >>> q = layer.weight.detach()
    >>> fastnn.allclose(q.T @ q, fastnn.eye(3), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
                         f'{orthogonal_map}')
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    parametrize.register_parametrization(module, name, made, unsafe=True)
    return module
