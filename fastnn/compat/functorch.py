"""``functorch``: the older home of ``torch.func``."""
from fastnn.func import *  # noqa: F403
from fastnn.func import __all__  # noqa: F401
