"""Newswires as lists of words' numbers (1 is the most frequent word), with one of 46 topics."""
import numpy as np

from fastnn.keras.datasets import _files


def load_data(path="reuters.npz", num_words=None, skip_top=0, maxlen=None, test_split=0.2, seed=113, start_char=1,
              oov_char=2, index_from=3):
    """Newswires as lists of word numbers, each of one of 46 topics (Lewis, 1987).

    Parameters
    ----------
    path, num_words, skip_top, maxlen, seed, start_char, oov_char, index_from
        As in ``imdb.load_data``.
    test_split : float
        Share of the test part.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        Arrays of lists, and topics.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(num_words=10000)  # doctest: +SKIP
    """
    arrays = _files.load_npz(
        _files.find(path, "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"),
        ("x", "y"))
    rows, labels = _files.shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    rows = _files.begun(rows, start_char, index_from)
    if maxlen:
        rows, labels = _files.shorter(maxlen, rows, labels)
    rows = _files.known(rows, num_words, skip_top, oov_char)
    cut = int(len(rows) * (1 - test_split))
    return ((np.array(rows[:cut], object), np.array(labels[:cut])),
            (np.array(rows[cut:], object), np.array(labels[cut:])))


def get_word_index(path="reuters_word_index.json"):
    """Number of each word, before `index_from` is added; 1 is the most frequent.

    Parameters
    ----------
    path : str
        As in `load_data`.

    Returns
    -------
    dict

    Examples
    --------
    >>> keras.datasets.reuters.get_word_index()["the"]  # doctest: +SKIP
    """
    return _files.load_json(path, "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921")


def get_label_names():
    """Topics in the order of their numbers.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> keras.datasets.reuters.get_label_names()[:2]
    ('cocoa', 'grain')
    """
    return tuple("""cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship
                 cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal
                 livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog
                 lead""".split())
