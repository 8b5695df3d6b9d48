"""Text classification from scratch: an embedding and an LSTM, or an embedding and self-attention, tell spam from ham.

Words become numbers by how often they occur; both networks learn their meaning along with the task. The attention
that the second network pays is printed for some messages: a word's share of what all words of the message look at.
"""
import argparse
import re
from collections import Counter

import numpy as np
from _data import messages

from fastnn import keras
from fastnn.keras import layers

LENGTH = 40


def words_of(text):
    """Words, numbers and telling signs."""
    return re.findall(r"[a-z']+|[0-9]+|[£$!?]", text.lower()) or ["?"]


def numbered(texts, vocabulary):
    """Rows of word numbers, 0 behind the end; 1 is any word that the vocabulary lacks."""
    rows = [[vocabulary.get(word, 1) for word in words_of(text)] for text in texts]
    return keras.utils.pad_sequences(rows, maxlen=LENGTH, padding="post", truncating="post")


def recurrent(words, size=32):
    """Embedding, LSTM in both directions, one output; padding is masked."""
    return keras.Sequential([
        keras.Input((LENGTH,), dtype="int32"), layers.Embedding(words, size, mask_zero=True),
        layers.Bidirectional(layers.LSTM(size)), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")])


def attentive(words, size=32):
    """Embedding, self-attention of four heads, the mean over words, one output."""
    tokens = keras.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(words, size, mask_zero=True)(tokens)
    attention = layers.MultiHeadAttention(4, size // 4, name="attention")
    x = layers.LayerNormalization()(x + attention(x, x))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.3)(x)))


def looked_at(model, row):
    """How much the words of one row look at each, averaged over heads and words."""
    embedding = next(layer for layer in model.layers if isinstance(layer, layers.Embedding))
    x = embedding(row[None])
    _, weights = model.get_layer("attention")(x, x, return_attention_scores=True)
    count = int((row > 0).sum())
    share = np.asarray(weights.detach())[0, :, :count, :count].mean((0, 1))
    return share / share.sum()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="lines 'ham<TAB>text' or 'spam<TAB>text' (default: FASTNN_DATA's)")
    parser.add_argument("--network", choices=("lstm", "attention", "both"), default="both")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--messages", type=int, default=100000, help="most messages to use")
    parser.add_argument("--test", type=int, default=1000, help="messages to test on")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    texts, spam = messages(args.file)
    order = np.random.default_rng(args.seed).permutation(len(texts))[:args.messages]
    texts, spam = [texts[i] for i in order], spam[order].astype(np.float32)
    known = len(texts) - args.test
    counts = Counter(word for text in texts[:known] for word in words_of(text))
    vocabulary = {word: i for i, (word, _) in enumerate(counts.most_common(5000), 2)}
    x = numbered(texts, vocabulary)
    print(f"{known} messages to learn from, {len(vocabulary)} words; {1 - spam[known:].mean():.1%} of {args.test} test "
          f"messages are ham", flush=True)
    scores = {}
    for name, build in (("lstm", recurrent), ("attention", attentive)):
        if args.network not in (name, "both"):
            continue
        keras.utils.set_random_seed(args.seed)
        model = build(len(vocabulary) + 2)
        model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
        model.fit(x[:known], spam[:known], epochs=args.epochs, batch_size=32, verbose=0)
        scores[name] = model.evaluate(x[known:], spam[known:], verbose=0)[1]
        print(f"{name:10} {scores[name]:.1%} of the test messages right", flush=True)
        if name == "attention":
            for i in np.flatnonzero(spam[known:])[:3] + known:
                words = words_of(texts[i])[:LENGTH]
                shares = looked_at(model, x[i])
                most = sorted(range(len(words)), key=lambda j, shares=shares: -shares[j])[:5]
                print("  looked at: " + ", ".join(f"{words[j]} {shares[j]:.0%}" for j in most))
    return scores


if __name__ == "__main__":
    main()
