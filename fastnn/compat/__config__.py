"""``torch.__config__``: how the library was built."""
import fastnn

__all__ = ["parallel_info", "show"]


def show():
    """A text: what fastnn is built with.

    Examples
    --------
    >>> fastnn.__config__.show().splitlines()[1]
    '  - USE_CUDA=OFF, USE_MKL=OFF, USE_MPI=OFF'
    """
    return "fastnn built with:\n  - USE_CUDA=OFF, USE_MKL=OFF, USE_MPI=OFF\n"


def parallel_info():
    """A text: how many threads compute.

    Examples
    --------
    >>> fastnn.__config__.parallel_info().startswith("fastnn.get_num_threads() : ")
    True
    """
    return f"fastnn.get_num_threads() : {fastnn.get_num_threads()}\n"
