"""A character model: a GRU learns which character follows, and then writes text of its own.

The text is read in parallel strips; the state is handed from one piece of a strip to the next without its history
(truncated backpropagation through time). Give a file, or have tinyshakespeare/input.txt in FASTNN_DATA; without either
the text is the reference of Python's language, which Python brings with it. With --sums it is lines like 3+4=7, whose
results a model with a memory can learn to write.
"""
import argparse
import math
import os
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

import fastnn
from fastnn import nn, optim
from fastnn.training import LambdaCallback, fit, gradient_step


def sums(count=4000, seed=0):
    """Lines like 3+4=7."""
    rng = np.random.default_rng(seed)
    return "".join(f"{a}+{b}={a + b}\n" for a, b in rng.integers(0, 10, (count, 2)).tolist())


def load_text(path=None):
    """(what it is, the text); that of help("topics") where there is no other."""
    folder = os.environ.get("FASTNN_DATA")
    if not path and folder and (Path(folder) / "tinyshakespeare" / "input.txt").is_file():
        path = Path(folder) / "tinyshakespeare" / "input.txt"
    if path:
        return str(Path(path).name), Path(path).read_text(encoding="utf-8")
    text = "\n".join(topics.values())
    return "Python's language reference", "".join(character for character in text if character.isascii())


class Writer(nn.Module):
    """Characters (batch, steps) and a state -> scores of the next characters, and the state after them."""

    def __init__(self, alphabet, hidden=128, layers=1):
        super().__init__()
        self.alphabet = alphabet
        self.gru = nn.GRU(len(alphabet), hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, len(alphabet))

    def forward(self, characters, state=None):
        y, state = self.gru(nn.functional.one_hot(characters, len(self.alphabet)).float(), state)
        return self.output(y), state

    def encode(self, text):
        """The numbers of a text's characters."""
        return fastnn.tensor([self.alphabet.index(character) for character in text])

    def write(self, start, length, temperature=1.0):
        """`start` and `length` characters more, drawn by their probabilities; temperature 0 takes the likeliest."""
        text = start
        with fastnn.no_grad():
            scores, state = self(self.encode(start)[None])
            for _ in range(length):
                last = scores[0, -1]
                if temperature == 0:
                    number = last.argmax()
                else:
                    number = fastnn.multinomial((last / temperature).softmax(0), 1)[0]
                text += self.alphabet[number.item()]
                scores, state = self(number.reshape(1, 1), state)
        return text


def train(model, text, epochs, strips=32, steps=64, lr=3e-3, report=print):
    """Adam on the cross-entropy of the next character; returns the mean loss of every epoch."""
    places = {character: i for i, character in enumerate(model.alphabet)}
    numbers = np.array([places[character] for character in text])
    length = (len(numbers) - 1) // strips
    x = fastnn.from_numpy(numbers[:strips * length].reshape(strips, length).copy())
    target = fastnn.from_numpy(numbers[1:strips * length + 1].reshape(strips, length).copy())
    criterion, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr)
    state = None

    def loss_of(start):
        nonlocal state
        scores, state = model(x[:, start:start + steps], state)
        state = state.detach()
        return criterion(scores.flatten(0, 1), target[:, start:start + steps].flatten())

    def begin(epoch, logs):
        nonlocal state
        state = None

    tell = LambdaCallback(on_epoch_begin=begin, on_epoch_end=lambda epoch, logs: report(
        f"epoch {epoch + 1}: {logs['loss'] / math.log(2):.3f} bits per character"))
    step = gradient_step(loss_of, optimizer, before=lambda: nn.utils.clip_grad_norm_(model.parameters(), 1.0))
    return fit(step, range(0, length - steps + 1, steps), epochs, callbacks=tell).history["loss"]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="a text (default: that of FASTNN_DATA, else Python's reference)")
    parser.add_argument("--sums", action="store_true", help="learn to add instead")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--start", default="\n", help="what the written text begins with")
    parser.add_argument("--length", type=int, default=300)
    parser.add_argument("--temperature", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    fastnn.manual_seed(args.seed)
    source, text = ("sums", sums()) if args.sums else load_text(args.file)
    model = Writer(sorted(set(text)), args.hidden)
    print(f"{source}: {len(text)} characters, {len(model.alphabet)} different ones")
    history = train(model, text, args.epochs)
    written = model.write(args.start, args.length, args.temperature)
    print(written)
    return model, history, written


if __name__ == "__main__":
    main()
