"""``torch.utils.model_zoo``: the old place of `hub.load_state_dict_from_url`."""
from fastnn.compat.hub import load_state_dict_from_url

__all__ = ["load_url"]
load_url = load_state_dict_from_url
