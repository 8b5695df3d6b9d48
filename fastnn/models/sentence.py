"""Sentences to vectors: tokens, encoder, pooling."""
import contextlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import no_grad
from fastnn.errors import check_integer, shown
from fastnn.models.config import read_json, within
from fastnn.models.encoder import TextEncoder, joined
from fastnn.models.packed import Packed, pieces
from fastnn.models.weights import read_encoder
from fastnn.nn.functional import normalize
from fastnn.nn.modules.module import Module

ORDER = ["Transformer", "Pooling", "Normalize"]
POOLINGS = ("mean", "cls", "max", "mean_sqrt_len")


# A folder's limit, under the names that sentence-transformers has given the file.
LIMITS = tuple(f"sentence_{kind}_config.json" for kind in (
    "bert", "roberta", "distilbert", "camembert", "xlm-roberta"))


def read_tokenizer(folder):
    """The tokenizer of a folder, without padding."""
    try:
        import tokenizers
        from tokenizers.implementations import BertWordPieceTokenizer
    except ImportError:
        raise ImportError("SentenceEncoder: needs the package tokenizers; install by: pip install tokenizers") from None
    whole, words, path = folder / "tokenizer.json", folder / "vocab.txt", folder / "tokenizer_config.json"
    options = read_json(path, {})
    given = {}
    for name, key in (("lowercase", "do_lower_case"), ("handle_chinese_chars", "tokenize_chinese_chars"),
                      ("strip_accents", "strip_accents")):
        value = options.get(key)
        if not isinstance(value, bool | None):
            raise TypeError(f"from_folder: {path}: expected true or false for {key}, got {shown(value)}")
        if value is not None:
            given[name] = value
    if not whole.is_file() and not words.is_file():
        raise FileNotFoundError(f"from_folder: expected tokenizer.json or vocab.txt in {folder}")
    file = whole if whole.is_file() else words
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file)) if file is whole else BertWordPieceTokenizer(
            str(file), **given)
    except Exception as error:  # the library raises no narrower one
        raise ValueError(f"from_folder: {file} is damaged: {error}") from None
    tokenizer.no_padding()
    return tokenizer


def read_modules(folder):
    """(folder of the encoder, pooling, whether vectors are normalised) of a sentence-transformers folder.

    A plain folder of an encoder has no modules.json: mean, not normalised. A folder that names no pooling: None.
    """
    path, kinds = folder / "modules.json", []
    if not path.is_file():
        return folder, "mean", False
    base, pooling = folder, None
    for module in read_json(path, kind=list):
        if not isinstance(module, dict) or not all(isinstance(module.get(key), str) for key in ("type", "path")):
            raise ValueError(f"from_folder: {path}: expected modules with type and path, got {module!r}")
        kinds.append(module["type"].rpartition(".")[2])
        if kinds[-1] == "Transformer":
            base = within(folder, module["path"], path)
        elif kinds[-1] == "Pooling":
            pooling = within(folder, module["path"], path) / "config.json"
        elif kinds[-1] != "Normalize":
            raise NotImplementedError(f"from_folder: {path}: a module of type {module['type']!r}; known: Transformer, "
                                      f"Pooling, Normalize")
    if kinds not in (ORDER[:1], ORDER[:2], ORDER):
        raise ValueError(f"from_folder: {path}: expected {', '.join(ORDER)} in this order, the last one or two left "
                         f"out, got {', '.join(kinds) or 'none'}")
    return base, pooling, "Normalize" in kinds


def read_limit(folder):
    """The most tokens of a sentence, special ones included, that a folder asks for; None without."""
    for name in LIMITS:
        options = read_json(folder / name, {})
        if options.get("do_lower_case"):
            raise NotImplementedError(f"from_folder: {folder / name}: do_lower_case")
        if options.get("max_seq_length") is not None:
            check_integer(options["max_seq_length"], "max_seq_length", f"from_folder: {folder / name}")
            return options["max_seq_length"]
    return None


def read_pooling(path, width):
    """The one pooling that a configuration switches on, for vectors of `width`."""
    options = read_json(path)
    names = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max",
             "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len"}
    flags = {key: value for key, value in options.items() if key.startswith("pooling_mode_")}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"from_folder: {path}: expected true or false for {key}, got {shown(value)}")
    given = options.get("word_embedding_dimension", width)
    if given != width:
        raise ValueError(f"from_folder: {path}: word_embedding_dimension {given} is not the encoder's hidden_size "
                         f"{width}")
    chosen = [names.get(key, key) for key, value in flags.items() if value]
    if not chosen and "pooling_mode" in options:
        chosen = [str(options["pooling_mode"])]
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        raise NotImplementedError(f"from_folder: {path}: pooling {' and '.join(chosen) or 'none'}; known: one of "
                                  f"{', '.join(POOLINGS)}")
    return chosen[0]


class SentenceEncoder(Module):
    """Vectors of sentences by a pretrained encoder.

    Parameters
    ----------
    encoder : TextEncoder
    tokenizer : tokenizers.Tokenizer
        Or whatever has ``encode_batch(sentences)`` that gives objects with ``ids``.
    pooling : "mean", "cls", "max" or "mean_sqrt_len"
        What a sentence's vector is made of: the mean of its tokens' vectors, the first one, the greatest of each
        component, their sum divided by the root of their number.
    normalized : bool
        Whether vectors are scaled to length 1.

    Notes
    -----
    Sentences of a batch are put one behind the other, sorted by length: no padding is computed, and a sentence's vector
    does not depend on the others within rounding.

    Examples
    --------
    ::

        from fastnn.models import SentenceEncoder
        model = SentenceEncoder.from_folder("all-MiniLM-L6-v2")
        vectors = model.encode(["How are you?", "Wie geht es?"])   # array (2, 384)
    """

    def __init__(self, encoder, tokenizer, pooling="mean", normalized=False):
        super().__init__()
        if not isinstance(encoder, TextEncoder):
            raise TypeError(f"SentenceEncoder: expected encoder to be a TextEncoder, got {shown(encoder)}")
        if not hasattr(tokenizer, "encode_batch"):
            raise TypeError(f"SentenceEncoder: expected a tokenizer with encode_batch, got {shown(tokenizer)}")
        if not isinstance(normalized, bool):
            raise TypeError(f"SentenceEncoder: expected normalized to be True or False, got {shown(normalized)}")
        if pooling not in POOLINGS:
            raise ValueError(f"SentenceEncoder: expected pooling to be one of {', '.join(POOLINGS)}, got {pooling!r}")
        self.encoder, self.tokenizer, self.pooling, self.normalized = encoder, tokenizer, pooling, normalized

    @classmethod
    def from_folder(cls, path, pooling=None, normalized=None, max_length=None):
        """Read ``config.json``, the weights (``model.safetensors`` or ``pytorch_model.bin``, never executed) and the
        tokenizer (``tokenizer.json`` or ``vocab.txt``) of a folder; in evaluation mode.

        Parameters
        ----------
        path : path
            Of BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, DistilBERT or MPNet, alone or as a sentence-transformers
            folder, whose ``modules.json`` says how to pool.
        pooling, normalized : optional
            Instead of what the folder says.
        max_length : int, optional
            Longer sentences are cut; default: what the folder says, at most the encoder's positions.

        Raises
        ------
        FileNotFoundError
            A file is missing.
        NotImplementedError
            Another kind of network, or parts of one, that there is no code for; the message names it.
        ValueError, TypeError
            Files are damaged, do not fit each other, or hold weights that are NaN; the message names file and field.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise FileNotFoundError(f"from_folder: {folder} is not a folder")
        base, found, found_normalized = read_modules(folder)
        limit = read_limit(base) if max_length is None else max_length
        if max_length is not None:
            check_integer(max_length, "max_length", "from_folder")
        tokenizer = read_tokenizer(base)
        special = tokenizer.num_special_tokens_to_add(False)
        encoder = read_encoder(base)
        most = encoder.config.max_positions if limit is None else min(limit, encoder.config.max_positions)
        if most <= special:
            raise ValueError(f"from_folder: {base}: expected room for {special} special tokens and one more in a "
                             f"sentence, got {most} (max_length, or the folder's max_seq_length)")
        tokenizer.enable_truncation(most)
        if pooling is None:
            if found is None:
                raise ValueError(f"from_folder: {folder / 'modules.json'} names no Pooling; give pooling=")
            pooling = found if found == "mean" else read_pooling(found, encoder.config.hidden_size)
        return cls(encoder, tokenizer, pooling, found_normalized if normalized is None else normalized).eval()

    def tokenize(self, sentences):
        """Token numbers of each sentence, with the special ones at the ends; a list of lists."""
        for sentence in sentences:
            if isinstance(sentences, str) or not isinstance(sentence, str):
                raise TypeError(f"SentenceEncoder: expected a list of strings, got {sentence!r} in {type(sentences)}")
        # A half of a surrogate pair is no character: it becomes the one that stands for such.
        whole = [sentence.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for sentence in sentences]
        try:
            encodings = self.tokenizer.encode_batch(whole)
        except Exception as error:  # the library raises no narrower one
            raise ValueError(f"SentenceEncoder: the tokenizer fails: {error}") from error
        return [encoding.ids for encoding in encodings]

    def _tokens(self, sentences):
        """Token numbers of strings; lists of them as they are."""
        if hasattr(sentences, "columns"):  # a table gives the names of its columns
            raise TypeError(f"SentenceEncoder: expected a list of strings, or one column of a table, got "
                            f"{shown(sentences)}")
        if isinstance(sentences, dict) or not isinstance(sentences, Iterable):
            raise TypeError(f"SentenceEncoder: expected a list of strings, got {shown(sentences)}")
        sentences = sentences if isinstance(sentences, str) else list(sentences)  # a generator can be walked only once
        numbers = [isinstance(sentence, (list, tuple, np.ndarray, Tensor)) for sentence in sentences]
        return list(sentences) if numbers and all(numbers) else self.tokenize(sentences)

    def pool(self, x, batch):
        """Vectors of sentences, in the order in which they were given, from those of their tokens."""
        found = []
        for part in pieces(x, batch.runs):
            if self.pooling == "cls":
                found.append(part[:, 0])
            elif self.pooling == "max":
                found.append(part.amax(1))
            elif self.pooling == "mean":
                found.append(part.mean(1))
            else:
                found.append(part.sum(1) / part.shape[1] ** 0.5)
        y = joined(found or [x])[batch.back]
        return normalize(y, dim=1) if self.normalized else y

    def forward(self, sentences):
        """Vectors (sentences, hidden_size) of strings, or of token numbers (a list, array or tensor for each), with
        gradients."""
        batch = Packed.of(self._tokens(sentences))
        return self.pool(self.encoder(batch), batch)

    def encode(self, sentences, batch_size=32):
        """Vectors of strings (or of token numbers) without gradients and without dropout.

        A model in training is in evaluation mode meanwhile.

        Parameters
        ----------
        sentences : str or list
        batch_size : int
            Sentences computed at once; those of one batch have similar lengths.

        Returns
        -------
        array (sentences, hidden_size) of float32, for a single string (hidden_size,)

        Raises
        ------
        ValueError
            The tokenizer fails.
        IndexError
            It gives numbers that the encoder has no rows for.
        """
        if isinstance(sentences, str):
            return self.encode([sentences])[0]
        check_integer(batch_size, "batch_size", "SentenceEncoder.encode")
        tokens = self._tokens(sentences)
        result = np.empty((len(tokens), self.encoder.config.hidden_size), np.float32)
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        with no_grad(), self._evaluating():
            for start in range(0, len(order), batch_size):
                chosen = order[start:start + batch_size]
                result[chosen] = self([tokens[i] for i in chosen]).numpy()
        return result

    @contextlib.contextmanager
    def _evaluating(self):
        training = [module for module in self.modules() if module.training]
        try:
            for module in training:
                module.training = False
            yield
        finally:
            for module in training:
                module.training = True
