"""``torch.backends.cudnn``: not available."""
enabled, benchmark, deterministic, allow_tf32, benchmark_limit = True, False, True, True, 10


def is_available():
    """False."""
    return False


def version():
    """None."""
    return None
