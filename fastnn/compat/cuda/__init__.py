"""``torch.cuda``: not available."""
from fastnn.compat import _absent
from fastnn.compat._absent import NoOp
from fastnn.compat.cuda import amp, nvtx  # noqa: F401


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def get_rng_state_all():
    """[]: there are no devices."""
    return []


def get_arch_list():
    """[]: there are no devices."""
    return []


def is_current_stream_capturing():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


_absent.fill(globals(), "cuda",
             refused="current_device get_device_name get_device_properties get_device_capability set_device "
                     "current_stream default_stream Stream Event CUDAGraph graph get_rng_state "
                     "memory_summary memory_stats mem_get_info init set_stream utilization "
                     "can_device_access_peer".split(),
             ignored="manual_seed manual_seed_all seed seed_all empty_cache synchronize reset_peak_memory_stats "
                     "set_rng_state set_rng_state_all ipc_collect reset_max_memory_allocated "
                     "set_per_process_memory_fraction".split(),
             zero="memory_allocated max_memory_allocated memory_reserved max_memory_reserved".split())


def _tensor_type(name):
    """A class that no tensor is of, and that makes none: programs name it before they ask whether there is a device."""
    def refused(cls, *args, **kwargs):
        raise TypeError(f"type torch.cuda.{name} not available. Torch not compiled with CUDA enabled.")
    return type(name, (), {"__new__": refused, "__module__": "torch.cuda", "__doc__": "No tensor is of it."})


globals().update({name: _tensor_type(name) for name in (
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor")})


class device(NoOp):  # noqa: N801 (PyTorch's name)
    """Accepted: there is one device."""

    def __init__(self, device=None):
        self.idx = -1


class stream(NoOp):  # noqa: N801 (PyTorch's name)
    """Accepted: there are no streams."""

    def __init__(self, stream=None):
        self.stream = stream


StreamContext, device_of = stream, device
