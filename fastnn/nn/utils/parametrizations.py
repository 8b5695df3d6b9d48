"""Weight and spectral normalisation as parametrizations."""
from fastnn._tensor import Tensor
from fastnn.autograd import no_grad
from fastnn.nn.modules.module import Module
from fastnn.nn.utils import parametrize
from fastnn.nn.utils.spectral_norm import as_matrix, default_dim, random_direction
from fastnn.nn.utils.weight_norm import norm_except_dim, scaled
from fastnn.ops.arithmetic import div
from fastnn.ops.linear import dot, mv
from fastnn.ops.norms import normalize


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
    """Make `name` of the module v g / |v|, with one g (original0) for each index of dimension `dim`; v is original1.

    Weights saved with the older ``nn.utils.weight_norm`` can be loaded.
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
    """Make `name` of the module weight / sigma, sigma its largest singular value, found by power iteration."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = default_dim(module) if dim is None else dim
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """Not implemented."""
    raise NotImplementedError("nn.utils.parametrizations.orthogonal is not implemented; nn.init.orthogonal_ starts "
                              "from an orthogonal matrix")
