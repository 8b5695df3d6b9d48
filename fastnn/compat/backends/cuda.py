"""``torch.backends.cuda``: not available."""
import types

matmul = types.SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=False)


def is_built():
    """False."""
    return False


flash_sdp_enabled = mem_efficient_sdp_enabled = cudnn_sdp_enabled = is_built


def math_sdp_enabled():
    """True: there is one way to compute attention."""
    return True


def enable_flash_sdp(enabled):
    """Do nothing."""


enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = enable_flash_sdp
