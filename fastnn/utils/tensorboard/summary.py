"""``torch.utils.tensorboard.summary``: the protocol buffers of summaries, made by tensorboardX."""
from tensorboardX import summary as _summary

__all__ = ["audio", "custom_scalars", "histogram", "histogram_raw", "hparams", "image", "image_boxes", "make_histogram",
           "make_image", "make_video", "mesh", "pr_curve", "pr_curve_raw", "scalar", "text", "video"]


def __getattr__(name):
    try:
        return getattr(_summary, name)
    except AttributeError:
        raise AttributeError(f"module 'torch.utils.tensorboard.summary' has no attribute {name!r}") from None
