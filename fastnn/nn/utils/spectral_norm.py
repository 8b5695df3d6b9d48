"""Spectral normalisation (Miyato et al. 2018) in PyTorch's older form: weight_orig, buffers weight_u and _v, a hook."""
from fastnn.autograd import no_grad
from fastnn.nn.parameter import Parameter
from fastnn.nn.utils.weight_norm import drop_hook, hook_of
from fastnn.ops.arithmetic import div
from fastnn.ops.creation import empty
from fastnn.ops.linear import dot, mv
from fastnn.ops.norms import normalize


def as_matrix(weight, dim):
    """The weight with dimension `dim` as rows and all others as columns."""
    if dim != 0:
        weight = weight.permute(dim, *[d for d in range(weight.ndim) if d != dim])
    return weight.reshape(weight.shape[0], -1)


def random_direction(size, like, eps):
    """A random unit vector."""
    return normalize(empty(size, dtype=like.dtype).normal_(0, 1), dim=0, eps=eps)


def default_dim(module):
    """Transposed convolutions have their outputs second."""
    return 1 if type(module).__name__.startswith("ConvTranspose") else 0


class SpectralNorm:
    """The hook that computes the weight before each forward; in training mode it also iterates u and v."""

    def __init__(self, name="weight", n_power_iterations=1, dim=0, eps=1e-12):
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")
        self.name, self.dim, self.n_power_iterations, self.eps = name, dim, n_power_iterations, eps

    def compute_weight(self, module, do_power_iteration):
        weight, u, v = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(mv(matrix, v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()  # the next iteration must not change what backward reads
        return div(weight, dot(u, mv(matrix, v)))

    def apply(self, module):
        weight = module._parameters[self.name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{self.name}` is None")
        rows, columns = as_matrix(weight.detach(), self.dim).shape
        u, v = (random_direction(size, weight, self.eps) for size in (rows, columns))
        delattr(module, self.name)
        module.register_parameter(self.name + "_orig", weight)
        setattr(module, self.name, weight.data)
        module.register_buffer(self.name + "_u", u)
        module.register_buffer(self.name + "_v", v)
        module.register_forward_pre_hook(self)

    def remove(self, module):
        with no_grad():
            weight = self.compute_weight(module, False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Make `name` of the module weight / sigma, sigma its largest singular value, found by power iteration."""
    if hook_of(module, SpectralNorm, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    SpectralNorm(name, n_power_iterations, default_dim(module) if dim is None else dim, eps).apply(module)
    return module


def remove_spectral_norm(module, name="weight"):
    """Make `name` an ordinary parameter again, with its present value."""
    hook = hook_of(module, SpectralNorm, name)
    if hook is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    hook.remove(module)
    drop_hook(module, hook)
    return module
