"""``torch.utils.model_zoo``: the old place of `hub.load_state_dict_from_url`."""
from fastnn.compat.hub import load_state_dict_from_url

try:
    from tqdm.auto import tqdm  # noqa: F401 (libraries import it from here)
except ImportError:
    pass

__all__ = ["load_url"]
load_url = load_state_dict_from_url
