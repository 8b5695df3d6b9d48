"""Prices of houses in California's districts in 1990: 20,640 rows of 8 numbers."""
from fastnn.keras.datasets import _files


def load_data(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """Prices of houses in California's districts in 1990 (Pace and Barry, 1997): 20,640 rows of 8 numbers.

    Parameters
    ----------
    version : {"large", "small"}
        All rows, or the first 600.
    path, test_split, seed
        As in ``boston_housing.load_data``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        Rows (N, 8), and prices in dollars.

    Raises
    ------
    ValueError
        Another `version`.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.california_housing.load_data()  # doctest: +SKIP
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    arrays = _files.load_npz(
        _files.find(path, "california_housing.npz", "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"),
        ("x", "y"))
    rows = slice(600 if version == "small" else None)
    return _files.parts(arrays["x"][rows], arrays["y"][rows], test_split, seed)
