"""``torch.distributed``: not available; one process trains one model."""


def is_available():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


def is_torchelastic_launched():
    """False."""
    return False


def init_process_group(*args, **kwargs):
    """Raise NotImplementedError."""
    raise NotImplementedError("distributed.init_process_group: fastnn trains in one process")


def get_rank(group=None):
    """Raise ValueError as PyTorch does without a process group."""
    raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")


get_world_size = get_rank
