"""``torch.backends``: switches of libraries that fastnn does not use. They hold what is put into them."""
import contextlib
import types

from fastnn.compat.backends import cuda, cudnn, mps  # noqa: F401
from fastnn.kernels import _core


def _no():
    return False


__allow_nonbracketed_mutation = contextlib.nullcontext  # PyTorch's context in which switches may be set: always here


mkl = types.SimpleNamespace(is_available=_no)
mkldnn = types.SimpleNamespace(is_available=_no, enabled=False)
openmp = types.SimpleNamespace(is_available=lambda: bool(_core.openmp_version()))
quantized = types.SimpleNamespace(supported_engines=["none"], engine="none")
