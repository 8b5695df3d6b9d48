"""Prices of houses around Boston in the 1970s: 506 rows of 13 numbers."""
from fastnn.keras.datasets import _files


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """Prices of houses in Boston's districts in the 1970s (Harrison and Rubinfeld, 1978): 506 rows of 13 numbers.

    Parameters
    ----------
    path : str
        Keras' own file: a path, or a name in ``FASTNN_DATA`` or ``~/.keras/datasets``; else it is downloaded.
    test_split : float
        Share of the test part.
    seed : int
        Of the order of the rows.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        Rows (N, 13), and prices in thousands of dollars.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.boston_housing.load_data()  # doctest: +SKIP
    """
    arrays = _files.load_npz(
        _files.find(path, "boston_housing.npz", "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"),
        ("x", "y"))
    return _files.parts(arrays["x"], arrays["y"], test_split, seed)
