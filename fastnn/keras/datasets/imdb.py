"""Film reviews as lists of words' numbers (1 is the most frequent word), with their sentiment: 0 or 1."""
import numpy as np

from fastnn.keras.datasets import _files


def load_data(path="imdb.npz", num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, oov_char=2,
              index_from=3, **kwargs):
    """Film reviews as lists of word numbers, with their sentiment, 0 or 1 (Maas et al., 2011).

    Parameters
    ----------
    path : str
        Keras' own file: a path, or a name in ``FASTNN_DATA`` or ``~/.keras/datasets``; else it is downloaded.
    num_words, skip_top : int, optional
        Words to keep, by rank of frequency; others are `oov_char`, or dropped if that is None.
    maxlen : int, optional
        Only shorter reviews.
    seed : int
        Of the order of the reviews.
    start_char : int, optional
        First number of each review.
    oov_char : int, optional
    index_from : int
        What is added to words' numbers.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : arrays
        Arrays of lists, and labels.

    Raises
    ------
    ValueError
        No review is shorter than `maxlen`.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=10000)  # doctest: +SKIP
    """
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}.")
    arrays = _files.load_npz(
        _files.find(path, "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
        ("x_train", "y_train"), ("x_test", "y_test"))
    random, rows, labels, counts = np.random.RandomState(seed), [], [], []
    for part in ("train", "test"):
        x, y = _files.shuffled(random, arrays[f"x_{part}"], arrays[f"y_{part}"])
        x = _files.begun(x, start_char, index_from)
        if maxlen:
            x, y = _files.shorter(maxlen, x, y)
            if not x:
                raise ValueError(f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
                                 f"Increase maxlen.")
        rows += x
        labels.append(y)
        counts.append(len(x))
    rows, labels, cut = _files.known(rows, num_words, skip_top, oov_char), np.concatenate(labels), counts[0]
    return (np.array(rows[:cut], object), labels[:cut]), (np.array(rows[cut:], object), labels[cut:])


def get_word_index(path="imdb_word_index.json"):
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
    >>> keras.datasets.imdb.get_word_index()["the"]  # doctest: +SKIP
    """
    return _files.load_json(path, "imdb_word_index.json", "bfafd718b763782e994055a2d397834f")
