"""Sentence vectors in turns: fastnn, transformers on PyTorch, ONNX Runtime (float32, fused by its BERT optimizer).

    python benchmarks/bench_sentences.py FOLDER [--threads 2] [--rounds 15]

FOLDER holds a BERT encoder. Every contender gets the same token numbers; the peers' batches are padded to their longest
sentence, as their users do. Peers that are not installed are left out.
"""
import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import fastnn
from fastnn.models import SentenceEncoder

WORDS = "the network reads a sentence and says in few numbers what it is about or which others mean the same".split()


def padded(tokens):
    """(ids, mask, types), padded to the longest."""
    ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
    mask = np.zeros_like(ids)
    for row, numbers in enumerate(tokens):
        ids[row, :len(numbers)], mask[row, :len(numbers)] = numbers, 1
    return ids, mask, np.zeros_like(ids)


def pooled(hidden, mask):
    """Means of the tokens' vectors, scaled to length 1."""
    mask = mask[:, :, None].astype(np.float32)
    y = (hidden * mask).sum(1) / mask.sum(1)
    return y / np.linalg.norm(y, axis=1, keepdims=True)


def by_torch(folder, threads):
    import torch
    import transformers
    torch.set_num_threads(threads)
    model = transformers.AutoModel.from_pretrained(folder).eval()

    def encode(tokens):
        ids, mask, types = padded(tokens)
        with torch.no_grad():
            tensors = map(torch.from_numpy, (ids, mask, types))
            y = model(**dict(zip(("input_ids", "attention_mask", "token_type_ids"), tensors))).last_hidden_state
        return pooled(y.numpy(), mask)
    return encode


def by_onnxruntime(folder, threads):
    import onnxruntime
    import torch
    import transformers
    from onnxruntime.transformers import optimizer
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]

    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *tensors):
            return self.model(**dict(zip(names, tensors))).last_hidden_state

    example = tuple(map(torch.from_numpy, padded([[1] * 9, [1] * 5])))
    with tempfile.TemporaryDirectory() as temporary, torch.no_grad():
        plain, fused = (str(Path(temporary) / name) for name in ("plain.onnx", "fused.onnx"))
        torch.onnx.export(Hidden(), example, plain, input_names=names, output_names=["y"], opset_version=17,
                          dynamic_axes={name: {0: "batch", 1: "time"} for name in (*names, "y")}, dynamo=False)
        optimizer.optimize_model(plain, model_type="bert", num_heads=model.config.num_attention_heads,
                                 hidden_size=model.config.hidden_size).save_model_to_file(fused)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(fused, options, providers=["CPUExecutionProvider"])
    inputs = {item.name: np.dtype("int32" if "int32" in item.type else "int64") for item in session.get_inputs()}

    def encode(tokens):
        given = dict(zip(names, padded(tokens)))
        hidden = session.run(None, {name: given[name].astype(dtype) for name, dtype in inputs.items()})[0]
        return pooled(hidden, given["attention_mask"])
    return encode


def cases(tokenize, seed=0):
    """Name and token numbers: one sentence, 32 of one length, 32 of mixed lengths."""
    rng = np.random.default_rng(seed)

    def sentences(lengths):
        return tokenize([" ".join(rng.choice(WORDS, length)) for length in lengths])
    return {"1 of 10 words": sentences([10]), "1 of 60 words": sentences([60]), "32 of 10 words": sentences([10] * 32),
            "32 of 30 words": sentences([30] * 32),
            "32 of 3 to 60 words": sentences(rng.integers(3, 61, 32)),
            "32, most short": sentences(np.minimum(120, rng.geometric(1 / 18, 32)))}


def compared(taken, ours, vectors, expected):
    """Ratios of times, and how far the vectors are apart."""
    return (f" ({statistics.median(taken) / statistics.median(ours):.2f} times, fastest {min(taken) / min(ours):.2f}; "
            f"differs by {np.abs(vectors - expected).max():.0e})")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rest", type=float, default=0.05, help="seconds between turns: threads go on spinning")
    args = parser.parse_args(argv)
    fastnn.set_num_threads(args.threads)
    model = SentenceEncoder.from_folder(args.folder, normalized=True)
    contenders = {"fastnn": model.encode}
    for name, make in (("PyTorch", by_torch), ("ONNX Runtime", by_onnxruntime)):
        try:
            contenders[name] = make(args.folder, args.threads)
        except ImportError as error:
            print(f"{name}: left out, {error}")
    for title, tokens in cases(model.tokenize).items():
        vectors = {name: encode(tokens) for name, encode in contenders.items()}
        times = {name: [] for name in contenders}
        repeat = 5 if len(tokens) == 1 else 1
        for _ in range(args.rounds):
            for name, encode in contenders.items():
                time.sleep(args.rest)
                encode(tokens)  # whoever ran before left its own data in the caches
                start = time.perf_counter()
                for _ in range(repeat):
                    encode(tokens)
                times[name].append((time.perf_counter() - start) / repeat)
        print(f"{title:20}" + "  ".join(
            f"{name} {statistics.median(taken) * 1e3:.2f} ms"
            + ("" if name == "fastnn" else compared(taken, times["fastnn"], vectors[name], vectors["fastnn"]))
            for name, taken in times.items()), flush=True)


if __name__ == "__main__":
    main()
