"""Lookups: tokens as their numbers in a vocabulary that is given, or learnt by `adapt`."""
import os
from collections import Counter

import numpy as np

from fastnn._tensor import Tensor, from_array
from fastnn.keras import config
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.hashing import hashed, standardize_salt
from fastnn.keras.layers.numerical import batches_of, check_output_mode, encode_categories, refuse_sparse
from fastnn.keras.layers.strings import strings_of
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import array_of, convert


class IndexLookup(Layer):
    """Base of the lookups. The vocabulary is: the mask's token (0, if there is one and the output is "int"), then
    `num_oov_indices` numbers for unknown tokens, then the known ones, the most frequent first."""

    vocabulary_dtype = "string"

    def _init(self, max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
              sparse, pad_to_max_tokens, oov_method, salt, kwargs):
        name = type(self).__name__
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"If `max_tokens` is set for `{name}`, it must be greater than 1. Received: "
                             f"max_tokens={max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens={max_tokens}")
        if num_oov_indices < 0:
            raise ValueError(f"The value of `num_oov_indices` argument for `{name}` must >= 0. Received: "
                             f"num_oov_indices={num_oov_indices}")
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        check_output_mode(output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        refuse_sparse(self, sparse)
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"Unknown value for argument `oov_method`. Expected 'floormod' or 'farmhash'. Received: "
                             f"oov_method={oov_method}")
        if salt is not None and self.vocabulary_dtype != "string" and oov_method != "farmhash":
            raise ValueError(f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}")
        if invert and output_mode != "int":
            raise ValueError(f"`output_mode` must be `'int'` when `invert` is true. Received: "
                             f"output_mode={output_mode}")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"`idf_weights` should only be set if `output_mode` is `'tf_idf'`. Received: "
                             f"idf_weights={idf_weights} and output_mode={output_mode}")
        self.max_tokens, self.num_oov_indices, self.mask_token = max_tokens, num_oov_indices, mask_token
        self.oov_token, self.invert, self.output_mode, self.sparse = oov_token, invert, output_mode, sparse
        self.pad_to_max_tokens, self.oov_method, self.salt = pad_to_max_tokens, oov_method, standardize_salt(name, salt)
        self._allow_non_tensor_positional_args, self._convert_input_args = True, False
        kwargs.pop("vocabulary_size", None)
        self._has_input_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        self.__dict__["input_vocabulary"] = None if vocabulary is None or isinstance(vocabulary, str) \
            else _plain(vocabulary)
        self.__dict__["input_idf_weights"] = None if idf_weights is None else _plain(idf_weights)
        self.__dict__.update(_tokens=[], _numbers={}, idf_weights=None)
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    @property
    def _oov_start(self):
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _token_start(self):
        return self._oov_start + self.num_oov_indices

    def _array(self, values):
        """Tokens as an array."""
        if self.vocabulary_dtype == "string":
            return strings_of(values)
        return (array_of(values) if isinstance(values, Tensor) else np.asarray(values)).astype(np.int64)

    # -- the vocabulary --
    def adapt(self, data, steps=None):
        """Learn the vocabulary of arrays, lists, or batches of a data set: the most frequent tokens first."""
        self.reset_state()
        for batch in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Count the tokens of a batch; each row is a document."""
        if self._has_input_vocabulary:
            raise ValueError(f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` "
                             f"argument or `set_vocabulary()` method.")
        rows = data if isinstance(data, list) else self._array(data)
        if not isinstance(data, list) and rows.ndim < 2:
            rows = [rows.ravel()]
        for row in rows:
            tokens = row if isinstance(row, list) else row.ravel().tolist()
            self._counts.update(tokens)
            self._document_counts.update(set(tokens))
            self.__dict__["_documents"] += 1

    def finalize_state(self):
        """Make the vocabulary of the counts."""
        if self._has_input_vocabulary or not self._counts:
            return
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        tokens = sorted(self._counts, key=lambda token: (self._counts[token], token), reverse=True)
        if self.max_tokens:
            tokens = tokens[:self.max_tokens - self._token_start]
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            weights = np.log(1 + self._documents / (1 + np.array([self._document_counts[t] for t in tokens])))
            self._set_weights(np.concatenate([np.full(self._token_start, weights.mean()), weights]))
        self.reset_state()

    def reset_state(self):
        """Forget what was counted."""
        self.__dict__.update(_counts=Counter(), _document_counts=Counter(), _documents=0)

    def _set_tokens(self, tokens):
        start = self._token_start
        self.__dict__.update(_tokens=list(tokens), _numbers={token: start + i for i, token in enumerate(tokens)})

    def _set_weights(self, weights):
        if self.pad_to_max_tokens:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        self.__dict__["idf_weights"] = np.asarray(weights, config.torch_dtype(config.floatx()).numpy)

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Take a vocabulary, with or without the special tokens before it, from a list, an array or a file of lines."""
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(f"`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                             f"output_mode={self.output_mode} and idf_weights={idf_weights}")
        if isinstance(vocabulary, str):
            if not os.path.exists(vocabulary):
                raise ValueError(f"Vocabulary file {vocabulary} does not exist.")
            with open(vocabulary, encoding="utf-8") as file:
                vocabulary = file.read().splitlines()
        tokens = self._array(vocabulary).tolist()
        if not tokens:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        found = tokens[:self._token_start] == special
        given, tokens = tokens, tokens[self._token_start:] if found else tokens
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(f"The passed vocabulary has at least one repeated term. Please uniquify your dataset. The "
                             f"repeated terms are: {repeated}")
        for what, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and token in tokens:
                raise ValueError(f"Found reserved {what} token at unexpected location in `vocabulary`. Note that "
                                 f"passed `vocabulary` does not need to include the OOV and mask tokens. Either remove "
                                 f"all mask and OOV tokens, or include them only at the start of the vocabulary in "
                                 f"precisely this order: {special}.")
        if self.max_tokens is not None and self._token_start + len(tokens) > self.max_tokens:
            raise ValueError(f"Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary "
                             f"size is {self._token_start + len(tokens)}; `max_tokens` is {self.max_tokens}.")
        self._set_tokens(tokens)
        if idf_weights is not None:
            weights = np.asarray(_plain(idf_weights), np.float64)
            if len(weights) != len(given):
                raise ValueError(f"`idf_weights` must be the same length as vocabulary. len(idf_weights) is "
                                 f"{len(weights)}; len(vocabulary) is {len(given)}")
            if not found:
                weights = np.concatenate([np.full(self._token_start, weights.mean()), weights])
            self._set_weights(weights)

    def get_vocabulary(self, include_special_tokens=True):
        """The tokens in the order of their numbers."""
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        return (special if include_special_tokens else []) + self._tokens

    def vocabulary_size(self):
        """The number of tokens, those for masks and unknown ones among them."""
        return len(self._tokens) + self._token_start

    # -- the call --
    def _indices(self, values):
        """Numbers of an array of tokens; -1 for what "multi_hot" and the like leave out."""
        numbers, oov = self._numbers, self._oov_start
        unknown = oov if self.num_oov_indices == 1 else -1
        found = np.array([numbers.get(v, unknown) for v in values.ravel().tolist()], np.int64).reshape(values.shape)
        if self.mask_token is not None:
            masked = np.asarray(values == self.mask_token)
        if self.num_oov_indices != 1:
            missing = found == -1
            if self.mask_token is not None:
                missing &= ~masked
            if missing.any():
                rest = np.asarray(values)[missing]
                if self.num_oov_indices == 0:
                    raise ValueError(f"When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
                                     f"{rest.tolist()}, consider setting `num_oov_indices=1`.")
                if self.vocabulary_dtype != "string" and self.oov_method == "floormod":
                    bins = rest % self.num_oov_indices
                else:
                    bins = hashed(rest.astype(np.str_), self.num_oov_indices, self.salt)
                found[missing] = bins + oov
        if self.mask_token is not None:
            found[masked] = 0 if self.output_mode == "int" else -1
        return found

    def call(self, inputs):
        if self.invert:
            numbers = array_of(convert(inputs))
            known = dict(enumerate(self.get_vocabulary()))
            found = [known.get(n, self.oov_token) for n in numbers.ravel().tolist()]
            if self.vocabulary_dtype == "string":
                return strings_of(np.array(found, object).reshape(numbers.shape))
            return from_array(np.array(found, np.int64).reshape(numbers.shape))
        return self._encoded(self._indices(self._array(inputs)))

    def _encoded(self, indices):
        if self.output_mode == "int":
            return from_array(indices)
        if not self._tokens and not self.pad_to_max_tokens:
            raise RuntimeError(f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you must "
                               f"set the layer's vocabulary before calling it. Either pass a `vocabulary` argument to "
                               f"the layer, or call `adapt` with some sample data.")
        depth = self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()
        if self.output_mode != "tf_idf":
            return encode_categories(indices, self.output_mode, depth, "int64")
        return encode_categories(indices, "count", depth, config.floatx()) * from_array(self.idf_weights)

    def compute_output_shape(self, input_shape):
        if self.output_mode == "int":
            return tuple(input_shape)
        depth = self.max_tokens if self.pad_to_max_tokens else self.vocabulary_size()
        if self.output_mode == "one_hot" and not (len(input_shape) > 1 and input_shape[-1] == 1):
            return (*input_shape, depth)
        return (*input_shape[:-1], depth)

    def compute_output_spec(self, inputs):
        kind = self.vocabulary_dtype if self.invert else "int64" if self.output_mode != "tf_idf" else config.floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), kind)

    # -- state in files --
    def get_build_config(self):
        """Nothing: no weights depend on the input's shape."""
        return {}

    def save_own_variables(self, store):
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store):
        if self.output_mode == "tf_idf" and len(store):
            self.__dict__["idf_weights"] = np.asarray(store["idf_weights"])

    def save_assets(self, store):
        """Put the learnt vocabulary into a dict of texts by file name."""
        if self.input_vocabulary is None and self._tokens:
            store["vocabulary.txt"] = "\n".join(str(token) for token in self.get_vocabulary())

    def load_assets(self, store):
        """Take the vocabulary of `save_assets`."""
        if self.input_vocabulary is None and "vocabulary.txt" in store:
            lines = store["vocabulary.txt"].split("\n")
            while lines and lines[-1] == "":
                lines.pop()
            tokens = lines[self._token_start:]
            self._set_tokens(tokens if self.vocabulary_dtype == "string" else [int(token) for token in tokens])

    def get_config(self):
        return {**self._base_config(), "invert": self.invert, "max_tokens": self.max_tokens,
                "num_oov_indices": self.num_oov_indices, "oov_token": self.oov_token, "mask_token": self.mask_token,
                "output_mode": self.output_mode, "sparse": self.sparse, "pad_to_max_tokens": self.pad_to_max_tokens,
                "vocabulary_dtype": self.vocabulary_dtype, "idf_weights": self.input_idf_weights,
                "vocabulary": self.input_vocabulary, "vocabulary_size": self.vocabulary_size(),
                "oov_method": self.oov_method, "salt": self.salt}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _plain(values):
    """A list for JSON."""
    if isinstance(values, (list, tuple)):
        return [v.decode("utf-8") if isinstance(v, bytes) else v for v in values]
    return array_of(values).tolist()


class IntegerLookup(IndexLookup):
    """Whole numbers as indices in a vocabulary.

    The vocabulary is the mask's token (0, if there is one), `num_oov_indices` indices for unknown tokens, then the
    known ones, the most frequent first if `adapt` learns them.

    Parameters
    ----------
    max_tokens : int, optional
        Largest size of the vocabulary.
    num_oov_indices : int
        Indices for unknown tokens: the remainder of a token chooses among several; with 0 they are an error.
    mask_token : int, optional
    oov_token : int
        What stands for unknown tokens in the inverse.
    vocabulary : list, array or path, optional
        Without it, call `adapt`.
    vocabulary_dtype : {"int64"}
    idf_weights : list, optional
        Inverse document frequencies for ``output_mode="tf_idf"``.
    invert : bool
        From indices to tokens.
    output_mode : {"int", "one_hot", "multi_hot", "count", "tf_idf"}
    sparse : bool
        True raises: there are no sparse tensors.
    pad_to_max_tokens : bool
        Whether results have `max_tokens` features even if the vocabulary is smaller.
    oov_method : {"floormod", "farmhash"}
    salt : int or pair of int, optional
        For "farmhash": use SipHash.

    Raises
    ------
    ValueError
        Options that do not fit, repeated tokens, or an unknown token where there is no index for it.

    Examples
    --------
    >>> layer = keras.layers.IntegerLookup(vocabulary=[10, 20])
    >>> layer(np.array([20, 10, 99]))
    tensor([2, 1, 0])
    """

    vocabulary_dtype = "int64"

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None,
                 vocabulary_dtype="int64", idf_weights=None, invert=False, output_mode="int", sparse=False,
                 pad_to_max_tokens=False, oov_method="floormod", salt=None, name=None, **kwargs):
        if vocabulary_dtype != "int64":
            raise ValueError(f"Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                             f"vocabulary_dtype={vocabulary_dtype}")
        super().__init__(name=name)
        self._init(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
                   sparse, pad_to_max_tokens, oov_method, salt, kwargs)


class StringLookup(IndexLookup):
    """Strings as indices in a vocabulary; see `IntegerLookup`.

    Parameters
    ----------
    max_tokens, num_oov_indices, idf_weights, invert, output_mode, pad_to_max_tokens, sparse, salt
        As in `IntegerLookup`; among several indices unknown tokens get theirs by hash.
    mask_token : str, optional
    oov_token : str
    vocabulary : list, array or path, optional
    encoding : str

    Examples
    --------
    >>> layer = keras.layers.StringLookup()
    >>> layer.adapt(np.array(["b", "a", "b"]))
    >>> layer.get_vocabulary()
    ['[UNK]', 'b', 'a']
    >>> layer(np.array(["a", "b", "z"]))
    tensor([2, 1, 0])
    """

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None,
                 idf_weights=None, invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False,
                 encoding="utf-8", name=None, salt=None, **kwargs):
        kwargs.pop("vocabulary_dtype", None)
        super().__init__(name=name)
        self.encoding = encoding
        self._init(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode,
                   sparse, pad_to_max_tokens, kwargs.pop("oov_method", "floormod"), salt, kwargs)

    def get_config(self):
        return {**super().get_config(), "encoding": self.encoding}
