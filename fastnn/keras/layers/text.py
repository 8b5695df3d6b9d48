"""TextVectorization: texts as numbers of tokens."""
import re

import numpy as np

from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.lookup import StringLookup
from fastnn.keras.layers.numerical import batches_of
from fastnn.keras.layers.strings import strings_of
from fastnn.keras.saving import objects
from fastnn.keras.symbolic import KerasTensor

_LOWER = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_STRIP = {ord(c): None for c in "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"}
_TABLES = {"lower": _LOWER, "strip_punctuation": _STRIP, "lower_and_strip_punctuation": {**_LOWER, **_STRIP}}
_WORDS = re.compile("[^ \t\n\r\v\f]+")


class TextVectorization(Layer):
    """Texts as indices of their words, or as vectors over the vocabulary.

    Parameters
    ----------
    max_tokens : int, optional
        Size of the vocabulary, of which index 0 is padding and 1 unknown words.
    standardize : {"lower_and_strip_punctuation", "lower", "strip_punctuation"}, callable or None
        A function gets an array of strings.
    split : {"whitespace", "character"}, callable or None
        A function gets an array of strings and gives lists, or an array with one more axis.
    ngrams : int or tuple of int, optional
        Sequences of so many words, joined by spaces, as tokens.
    output_mode : {"int", "one_hot", "multi_hot", "count", "tf_idf"}
    output_sequence_length : int, optional
        Length of rows of "int"; that of the longest of the batch without it.
    pad_to_max_tokens, vocabulary, idf_weights
        As in `StringLookup`.
    sparse, ragged : bool
        True raises: there are no such tensors.
    encoding, name : str, optional

    Raises
    ------
    ValueError
        An option is unknown, or does not fit `output_mode`.

    Examples
    --------
    >>> layer = keras.layers.TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat", "the dog"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'the', 'dog', 'cat']
    >>> layer(["The cat sat."])
    tensor([[2, 4, 1, 0]])
    """

    def __init__(self, max_tokens=None, standardize="lower_and_strip_punctuation", split="whitespace", ngrams=None,
                 output_mode="int", output_sequence_length=None, pad_to_max_tokens=False, vocabulary=None,
                 idf_weights=None, sparse=False, ragged=False, encoding="utf-8", name=None, **kwargs):
        if ragged or sparse:
            raise ValueError("TextVectorization: `ragged=True` and `sparse=True` cannot be used: there are no such "
                             "tensors")
        for what, value, allowed in (("standardize", standardize, tuple(_TABLES)), ("split", split, ("whitespace",
                                                                                                     "character"))):
            if not (value is None or callable(value) or value in allowed):
                raise ValueError(f"Unknown value for argument `{what}`. Expected one of {allowed}, None or a function. "
                                 f"Received: {what}={value}")
        if not (ngrams is None or isinstance(ngrams, int)
                or isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams)):
            raise ValueError(f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}")
        if output_mode == "int" and not isinstance(output_sequence_length, (int, type(None))):
            raise ValueError(f"`output_sequence_length` must be either None or an integer when `output_mode` is 'int'. "
                             f"Received: output_sequence_length={output_sequence_length}")
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(f"`output_sequence_length` must not be set if `output_mode` is not 'int'. Received "
                             f"output_sequence_length={output_sequence_length}.")
        size = kwargs.pop("vocabulary_size", None)
        given = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        super().__init__(name=name, **kwargs)
        self._standardize, self._split, self._ngrams_arg = standardize, split, ngrams
        self._ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._output_sequence_length, self._encoding = output_sequence_length, encoding
        self._lookup_layer = StringLookup(max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights,
                                          output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens,
                                          encoding=encoding, has_input_vocabulary=given, vocabulary_size=size)
        self._output_mode = self._lookup_layer.output_mode
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False

    # -- the vocabulary --
    def adapt(self, data, batch_size=None, steps=None):
        """Learn the vocabulary of a list of texts, or of batches of a data set: the most frequent words first."""
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Count the words of a batch."""
        texts = strings_of(data)
        found = self._tokens(texts.reshape(-1) if texts.ndim == 0 or texts.shape[-1:] == (1,) else texts)
        self._lookup_layer.update_state(found if isinstance(found, list) else list(found.reshape(len(found), -1)))

    def finalize_state(self):
        """Make the vocabulary of the counts."""
        self._lookup_layer.finalize_state()

    def reset_state(self):
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens=True):
        """The words in the order of their numbers."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self):
        """The number of words, those for padding and unknown ones among them."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Take a vocabulary from a list, an array or a file of lines."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # -- the call --
    def _tokens(self, texts):
        """Lists of tokens of an array of texts (nested where it has several axes), or an array if nothing splits."""
        if callable(self._standardize):
            texts = strings_of(self._standardize(texts))
        elif self._standardize is not None:
            table = _TABLES[self._standardize]
            plain = [s.translate(table) for s in texts.ravel().tolist()]
            texts = strings_of(np.array(plain, object).reshape(texts.shape))
        if self._split is None:
            rows = texts
        else:
            if texts.ndim > 1:
                if texts.shape[-1] != 1:
                    raise ValueError(f"When using `TextVectorization` to tokenize strings, the input rank must be 1 or "
                                     f"the last shape dimension must be 1. Received: inputs.shape={texts.shape} with "
                                     f"rank={texts.ndim}")
                texts = texts[..., 0]
            if callable(self._split):
                rows = self._split(texts)
                rows = [[str(t) for t in strings_of(row).ravel().tolist()] for row in rows]
            elif self._split == "character":
                rows = [list(s) for s in texts.ravel().tolist()]
            else:
                rows = [_WORDS.findall(s) for s in texts.ravel().tolist()]
        if self._ngrams is None:
            return rows
        rows = rows if isinstance(rows, list) else rows.reshape(-1, rows.shape[-1]).tolist()
        return [[" ".join(row[i:i + n]) for n in self._ngrams for i in range(len(row) - n + 1)] for row in rows]

    def call(self, inputs):
        texts = strings_of(inputs)
        rows, lookup = self._tokens(texts.reshape(1) if texts.ndim == 0 else texts), self._lookup_layer
        if not isinstance(rows, list):
            indices = lookup._indices(rows)
            if self._output_mode == "int" and self._output_sequence_length is not None:
                indices = _fit(list(indices), self._output_sequence_length, 0)
        else:
            length = max(map(len, rows), default=0)
            found = [lookup._indices(strings_of(np.array(row, object))) if row else np.zeros(0, np.int64)
                     for row in rows]
            if self._output_mode == "int":
                indices = _fit(found, self._output_sequence_length or length, 0)
            else:
                indices = _fit(found, length, -1)
        return lookup._encoded(indices[0] if texts.ndim == 0 else indices)

    def compute_output_shape(self, input_shape):
        if self._output_mode == "int":
            return (input_shape[0], self._output_sequence_length)
        if self._split is None:
            input_shape = (*input_shape, 1) if len(input_shape) <= 1 else tuple(input_shape)
        elif len(input_shape) > 1 and input_shape[-1] == 1:
            input_shape = (*input_shape[:-1], None)
        else:
            input_shape = (*input_shape, None)
        return self._lookup_layer.compute_output_shape(input_shape)

    def compute_output_spec(self, inputs):
        return KerasTensor(self.compute_output_shape(inputs.shape),
                           "int64" if self._output_mode == "int" else config.floatx())

    # -- state in files --
    def get_build_config(self):
        """Nothing: no weights depend on the input's shape."""
        return {}

    def get_config(self):
        lookup = self._lookup_layer
        plain = lambda value: objects.serialize_keras_object(value) if callable(value) else value
        return {**self._base_config(), "max_tokens": lookup.max_tokens, "standardize": plain(self._standardize),
                "split": plain(self._split), "ngrams": self._ngrams_arg, "output_mode": self._output_mode,
                "output_sequence_length": self._output_sequence_length, "pad_to_max_tokens": lookup.pad_to_max_tokens,
                "sparse": False, "ragged": False, "vocabulary": lookup.input_vocabulary,
                "idf_weights": lookup.input_idf_weights, "encoding": self._encoding,
                "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("standardize", "split"):
            if not isinstance(config.get(name), (str, type(None))):
                config[name] = objects.deserialize_keras_object(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)


def _fit(rows, length, fill):
    """Rows cut or filled to one length."""
    made = np.full((len(rows), length), fill, np.int64)
    for i, row in enumerate(rows):
        made[i, :min(len(row), length)] = row[:length]
    return made
