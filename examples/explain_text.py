"""Which words make a message spam? Integrated gradients at the embedding of an LSTM.

The recurrent network of text_classifier.py learns to tell spam from ham. What its decision rests on is shared out
among the words of some messages, drawn as coloured text. Without the words that count most the network must change
its mind sooner than without as many others.
"""
import argparse
from collections import Counter

import numpy as np
from _data import messages
from text_classifier import LENGTH, numbered, recurrent, words_of

import fastnn
from fastnn import explain, keras


def picture(path, texts, shares):
    """PNG of coloured messages."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 1.6 * len(texts)), layout="constrained")
    for axes, words, values in zip(np.atleast_1d(figure.subplots(len(texts))), texts, shares):
        explain.text(words, values[:len(words)], ax=axes)
    figure.savefig(path, dpi=120)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="lines 'ham<TAB>text' or 'spam<TAB>text' (default: FASTNN_DATA's)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--messages", type=int, default=3000, help="most messages to learn from")
    parser.add_argument("--words", type=int, default=3, help="words to take away")
    parser.add_argument("--out", default="words.png")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    texts, spam = messages(args.file)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(texts))
    texts, spam = [texts[i] for i in order], spam[order].astype(np.float32)
    known = min(args.messages, len(texts) * 4 // 5)
    counts = Counter(word for text in texts[:known] for word in words_of(text))
    vocabulary = {word: i for i, (word, _) in enumerate(counts.most_common(5000), 2)}
    x = numbered(texts, vocabulary)
    keras.utils.set_random_seed(args.seed)
    model = recurrent(len(vocabulary) + 2)
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:known], spam[:known], epochs=args.epochs, batch_size=32, verbose=0)

    others = np.arange(known, len(texts))[spam[known:] == 1]
    chosen = others[model.predict(x[others], verbose=0)[:, 0] > 0.5][:40]
    rows = fastnn.from_numpy(x[chosen])
    certainty = lambda rows: model(rows)[:, 0].logit()  # scores, which saturate later than probabilities
    method = explain.LayerIntegratedGradients(certainty, model.layers[0])
    shares = method.attribute(rows, n_steps=32).detach().sum(-1).numpy()

    def without(scores):
        """The certainty that is left when the words of the highest scores are taken away."""
        taken, away = x[chosen].copy(), np.argsort(-np.where(x[chosen] > 0, scores, -np.inf))[:, :args.words]
        np.put_along_axis(taken, away, 1, axis=1)  # a word that the vocabulary lacks
        return model.predict(taken, verbose=0)[:, 0].mean()
    results = {"all words": model.predict(x[chosen], verbose=0)[:, 0].mean(),
               "without the most telling": without(shares),
               "without others at random": without(rng.random(shares.shape))}
    print(f"{len(chosen)} messages taken for spam, {args.words} words of {LENGTH} at most taken away; mean certainty:")
    for name, value in results.items():
        print(f"  {name:26} {value:.3f}")
    shown = [words_of(texts[i])[:LENGTH] for i in chosen[:5]]
    for words, values in zip(shown, shares):
        print("  " + ", ".join(f"{words[j]} {values[j]:+.2f}" for j in np.argsort(-values[:len(words)])[:5]))
    picture(args.out, shown, shares)
    print(f"saved {args.out}")
    return results


if __name__ == "__main__":
    main()
