"""``torch.backends.mps``: not available."""


def is_available():
    """False."""
    return False


def is_built():
    """False."""
    return False
