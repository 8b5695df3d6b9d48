"""``torch.version``: the release of PyTorch whose names and behaviour fastnn follows."""
import fastnn

FOLLOWED = {"torch": "2.13.0", "torchvision": "0.28.0", "keras": "3.15.1", "tensorflow": "2.20.0"}
cuda = hip = xpu = rocm = git_version = None
debug = False


def followed(library, own=None):
    """The release of `library` that version `own` of a package stands for, fastnn's own if None."""
    if own is None:
        own = fastnn.__dict__["__version__"]
    return f"{FOLLOWED[library]}+fastnn.{own}"


def __getattr__(name):
    if name == "__version__":
        return followed("torch")
    raise AttributeError(f"module 'fastnn.compat.version' has no attribute {name!r}")
