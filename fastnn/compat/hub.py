"""``torch.hub``: weights that lie in its folder are loaded; nothing is downloaded."""
import os
import re
from urllib.parse import urlparse

from fastnn import serialization

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]
_directory = None
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # the digest in the name of a file of weights


def _get_torch_home():
    """The folder of PyTorch's caches: ``$TORCH_HOME``, else ``~/.cache/torch``."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir():
    """The folder of weights: what `set_dir` said, else ``$TORCH_HOME/hub``, else ``~/.cache/torch/hub``.

    Examples
    --------
    >>> from fastnn.compat import hub
    >>> hub.get_dir().endswith("hub")
    True
    """
    if _directory is not None:
        return _directory
    return os.path.join(_get_torch_home(), "hub")


def set_dir(d):
    """Set the folder of weights.

    Parameters
    ----------
    d : str or path
    """
    global _directory
    _directory = os.path.expanduser(os.fspath(d))


def load_state_dict_from_url(url, model_dir=None, map_location=None, progress=True, check_hash=False, file_name=None,
                             weights_only=False):
    """The state_dict of a file that was downloaded before: ``<model_dir>/<last part of the URL>``.

    Parameters
    ----------
    url : str
    model_dir : str, optional
        Default ``<get_dir()>/checkpoints``.
    map_location
        As in `fastnn.load`.
    progress, check_hash
        Without effect.
    file_name : str, optional
        Its name, instead of the URL's last part.
    weights_only : bool
        As in `fastnn.load`.

    Raises
    ------
    FileNotFoundError
        There is no such file; fastnn does not download.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    path = os.path.join(folder, file_name or os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        raise FileNotFoundError(f"hub.load_state_dict_from_url: expected {url} as {path}; fastnn downloads nothing, "
                                f"put the file there")
    return serialization.load(path, map_location, weights_only=weights_only)


def _refuse(name):
    def function(*args, **kwargs):
        raise NotImplementedError(f"hub.{name}: fastnn downloads nothing and runs no programs of others; import the "
                                  f"model's code and load its weights from a file")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Raise NotImplementedError."
    return function


download_url_to_file, help, list = _refuse("download_url_to_file"), _refuse("help"), _refuse("list")  # noqa: A001
load = _refuse("load")
