"""Sentences to vectors: tokens, encoder, pooling."""
from pathlib import Path

import numpy as np

from fastnn.autograd.grad_mode import no_grad
from fastnn.models.config import EncoderConfig, read_json
from fastnn.models.encoder import TextEncoder, joined
from fastnn.models.packed import Packed, pieces
from fastnn.models.weights import load_weights
from fastnn.nn.functional import normalize
from fastnn.nn.modules.module import Module

POOLINGS = ("mean", "cls", "max", "mean_sqrt_len")


def read_tokenizer(folder, max_length):
    """The tokenizer of a folder, without padding."""
    try:
        import tokenizers
    except ImportError:
        raise ImportError("SentenceEncoder: needs the package tokenizers; install by: pip install tokenizers") from None
    options = read_json(folder / "tokenizer_config.json", {})
    if (folder / "tokenizer.json").is_file():
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "vocab.txt").is_file():
        from tokenizers.implementations import BertWordPieceTokenizer
        tokenizer = BertWordPieceTokenizer(
            str(folder / "vocab.txt"), lowercase=options.get("do_lower_case", True),
            handle_chinese_chars=options.get("tokenize_chinese_chars", True),
            strip_accents=options.get("strip_accents"))
    else:
        raise FileNotFoundError(f"from_folder: expected tokenizer.json or vocab.txt in {folder}")
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def read_modules(folder):
    """(folder of the encoder, pooling, whether vectors are normalised, most tokens) of a sentence-transformers folder.

    A plain folder of an encoder has none of these files: mean, not normalised, no limit.
    """
    base, pooling, normalized = folder, "mean", False
    for module in read_json(folder / "modules.json", []):
        kind, path = module["type"].rpartition(".")[2], folder / module["path"]
        if kind == "Transformer":
            base = path
        elif kind == "Pooling":
            pooling = pooling_of(read_json(path / "config.json"))
        elif kind == "Normalize":
            normalized = True
        else:
            raise NotImplementedError(f"SentenceEncoder: a module of type {module['type']!r}; known: Transformer, "
                                      f"Pooling, Normalize")
    return base, pooling, normalized, read_json(base / "sentence_bert_config.json", {}).get("max_seq_length")


def pooling_of(options):
    """The one pooling that a configuration switches on."""
    names = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max",
             "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len"}
    chosen = [names.get(key, key) for key, value in options.items() if key.startswith("pooling_mode_") and value]
    if not chosen and isinstance(options.get("pooling_mode"), str):
        chosen = [options["pooling_mode"]]
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        raise NotImplementedError(f"SentenceEncoder: pooling {' and '.join(chosen) or 'none'}; known: one of "
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
            Another kind of network; the message names it.
        ValueError
            Files are damaged or do not fit each other.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise FileNotFoundError(f"from_folder: {folder} is not a folder")
        base, found_pooling, found_normalized, limit = read_modules(folder)
        config = EncoderConfig.from_folder(base)
        most = max_length or limit or config.max_positions
        tokenizer = read_tokenizer(base, min(most, config.max_positions))
        encoder = TextEncoder(config)
        load_weights(encoder, base)
        return cls(encoder, tokenizer, pooling or found_pooling,
                   found_normalized if normalized is None else normalized).eval()

    def tokenize(self, sentences):
        """Token numbers of each sentence, with the special ones at the ends; a list of lists."""
        for sentence in sentences:
            if isinstance(sentences, str) or not isinstance(sentence, str):
                raise TypeError(f"SentenceEncoder: expected a list of strings, got {sentence!r} in {type(sentences)}")
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(sentences))]

    def _tokens(self, sentences):
        """Token numbers of strings; lists of them as they are."""
        sentences = sentences if isinstance(sentences, str) else list(sentences)  # a generator can be walked only once
        numbers = [isinstance(sentence, (list, tuple, np.ndarray)) for sentence in sentences]
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
        y = joined(found)[batch.back]
        return normalize(y, dim=1) if self.normalized else y

    def forward(self, sentences):
        """Vectors (sentences, hidden_size) of strings, or of lists of token numbers, with gradients."""
        batch = Packed.of(self._tokens(sentences))
        return self.pool(self.encoder(batch), batch)

    def encode(self, sentences, batch_size=32):
        """Vectors of strings (or of lists of token numbers) without gradients.

        Parameters
        ----------
        sentences : str or list
        batch_size : int
            Sentences computed at once; those of one batch have similar lengths.

        Returns
        -------
        array (sentences, hidden_size) of float32, for a single string (hidden_size,)
        """
        if isinstance(sentences, str):
            return self.encode([sentences])[0]
        if batch_size < 1:
            raise ValueError(f"encode: expected batch_size of at least 1, got {batch_size}")
        tokens = self._tokens(sentences)
        result = np.empty((len(tokens), self.encoder.config.hidden_size), np.float32)
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        with no_grad():
            for start in range(0, len(order), batch_size):
                chosen = order[start:start + batch_size]
                result[chosen] = self([tokens[i] for i in chosen]).numpy()
        return result
