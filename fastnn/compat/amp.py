"""``torch.amp``: mixed precision is accepted and not used; everything stays in float32 or float64."""
import enum

from fastnn import dtypes
from fastnn.compat._absent import NoOp, warn

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(NoOp):  # noqa: N801 (PyTorch's name)
    """Context manager and decorator without effect: operations keep their precision.

    Differs from PyTorch, whose CPU autocast computes linear layers in bfloat16; here they stay in float32, which is
    more precise and, for lack of bfloat16 kernels, faster.

    Parameters
    ----------
    device_type : str
    dtype, enabled, cache_enabled : optional
        Without effect.

    Examples
    --------
    >>> with fastnn.autocast("cpu"):
    ...     print(fastnn.ones(1).dtype)
    torch.float32
    """

    def __init__(self, device_type="cuda", dtype=None, enabled=True, cache_enabled=None):
        if isinstance(device_type, bool):  # torch.cuda.amp.autocast(enabled)
            device_type, enabled = "cuda", device_type
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: expected device_type to be a string, got {type(device_type).__name__}")
        if enabled and device_type != "cpu":
            warn(f"User provided device_type of {device_type!r}, but it is not available. Disabling")
            enabled = False
        self.device, self.fast_dtype, self._enabled = device_type, dtype, enabled


class OptState(enum.Enum):
    """What a scaler has done for an optimizer."""

    READY, UNSCALED, STEPPED = 0, 1, 2


class GradScaler:
    """Scaling of losses for half precision: always disabled here, so that every method passes on what it gets.

    Methods and arguments are PyTorch's.
    """

    def __init__(self, device="cuda", init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000,
                 enabled=True):
        if enabled and device != "cpu":
            warn("GradScaler is enabled, but there is no such device. Disabling.")

    def scale(self, outputs):
        """The outputs, unchanged."""
        return outputs

    def unscale_(self, optimizer):
        """Do nothing."""

    def step(self, optimizer, *args, **kwargs):
        """``optimizer.step()``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale=None):
        """Do nothing."""

    def get_scale(self):
        """1."""
        return 1.0

    def is_enabled(self):
        """False."""
        return False

    def state_dict(self):
        """Empty, as PyTorch's when disabled."""
        return {}

    def load_state_dict(self, state_dict):
        """Do nothing."""


def is_autocast_available(device_type):
    """Whether `autocast` would change anything: False."""
    return False


def custom_fwd(fwd=None, *, device_type="cuda", cast_inputs=None):
    """Decorator of an `autograd.Function`'s forward; gives it back, because nothing is cast.

    Parameters
    ----------
    fwd : callable, optional
    device_type, cast_inputs : optional
        Without effect.

    Examples
    --------
    >>> @fastnn.amp.custom_fwd(device_type="cpu")
    ... def forward(ctx, x):
    ...     return x
    >>> forward(None, 3)
    3
    """
    return (lambda function: function) if fwd is None else fwd


def custom_bwd(bwd=None, *, device_type="cuda"):
    """Decorator of an `autograd.Function`'s backward; gives it back, because nothing is cast.

    Parameters
    ----------
    bwd : callable, optional
    device_type : optional
        Without effect.

    Examples
    --------
    >>> fastnn.amp.custom_bwd(len, device_type="cpu") is len
    True
    """
    return (lambda function: function) if bwd is None else bwd


# Settings of `autocast`, which changes nothing here: what PyTorch answers before anything is set.

def is_autocast_cpu_enabled():
    """False."""
    return False


def is_autocast_cache_enabled():
    """True, as in PyTorch."""
    return True


def get_autocast_dtype(device_type):
    """What PyTorch would compute in: bfloat16, for CUDA float16."""
    return dtypes.float16 if device_type == "cuda" else dtypes.bfloat16


def get_autocast_cpu_dtype():
    """bfloat16, as in PyTorch."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype():
    """float16, as in PyTorch."""
    return get_autocast_dtype("cuda")


def clear_autocast_cache():
    """Do nothing: nothing is kept."""


def set_autocast_enabled(device_type, enabled=None):
    """Accepted without effect."""


set_autocast_cpu_enabled = set_autocast_dtype = set_autocast_cpu_dtype = set_autocast_enabled
set_autocast_cache_enabled = set_autocast_enabled
