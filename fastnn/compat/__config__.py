"""``torch.__config__``: what PyTorch was built with; here what fastnn was."""
import contextlib
import io

from fastnn import config


def show():
    """The text of `fastnn.show_config`.

    Examples
    --------
    >>> "threads" in fastnn.compat.module("__config__").show()
    True
    """
    with contextlib.redirect_stdout(io.StringIO()) as text:
        config.show_config()
    return text.getvalue()


parallel_info = show
