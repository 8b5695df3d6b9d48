"""``torch.version``: the release of PyTorch whose names and behaviour fastnn follows."""

FOLLOWED = {"torch": "2.13.0", "torchvision": "0.28.0"}
cuda = hip = xpu = rocm = git_version = None
debug = False


def __getattr__(name):
    if name == "__version__":
        import fastnn
        own = fastnn.__dict__["__version__"]
        return f"{FOLLOWED['torch']}+fastnn.{own}"
    raise AttributeError(f"module 'fastnn.compat.version' has no attribute {name!r}")
