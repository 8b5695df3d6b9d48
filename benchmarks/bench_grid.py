"""Layers over grids of shapes, forward and backward, in turns with PyTorch: the worst ratios, and the share of peak.

A shape on which fastnn falls behind shows at the end, among the worst five. Each case is written once, for fastnn and
PyTorch alike, whose names are the same.
"""
import itertools
import re

import common
from peak import Peak

GRIDS = []  # (family, function that yields (label, flops of forward and backward, make(T)))


def grid(function):
    """Put a function among the families."""
    GRIDS.append((function.__name__, function))
    return function


def training_call(T, layer, x, needs_x=True):
    """A call of layer(x) with all gradients."""
    with T.no_grad():
        first = layer(x)
    grad = T.randn(*(first[0] if isinstance(first, tuple) else first).shape)
    x.requires_grad_(needs_x)

    def call():
        y = layer(x)
        (y[0] if isinstance(y, tuple) else y).backward(grad)
        x.grad = None
        for p in layer.parameters():
            p.grad = None
    return call


@grid
def conv2d():
    """Channels, kernels, strides, sizes, batches; the largest products are left out."""
    channels = ((1, 16), (3, 32), (16, 16), (32, 64), (64, 1), (64, 64), (128, 256), (256, 256))
    sizes, batches = (7, 14, 28, 64), (1, 8, 64, 256)
    for (c, o), k, stride, size, n in itertools.product(channels, (1, 3, 5, 7), (1, 2), sizes, batches):
        out = (size + 2 * (k // 2) - k) // stride + 1
        flops = 6 * n * o * c * k * k * out * out
        if not 1e6 < flops < 4e9:
            continue

        def make(T, c=c, o=o, k=k, stride=stride, size=size, n=n):
            layer = T.nn.Conv2d(c, o, k, stride=stride, padding=k // 2)
            return training_call(T, layer, T.randn(n, c, size, size))
        yield f"{n}x{c}x{size}x{size}-{o} k{k} s{stride}", flops, make


@grid
def conv2d_depthwise():
    for c, k, stride, size, n in itertools.product((16, 64, 256), (3, 5), (1, 2), (7, 14, 28), (1, 16)):
        out = (size + 2 * (k // 2) - k) // stride + 1

        def make(T, c=c, k=k, stride=stride, size=size, n=n):
            layer = T.nn.Conv2d(c, c, k, stride=stride, padding=k // 2, groups=c)
            return training_call(T, layer, T.randn(n, c, size, size))
        yield f"{n}x{c}x{size}x{size} k{k} s{stride}", 6 * n * c * k * k * out * out, make


@grid
def conv1d():
    for (c, o), k, length, n in itertools.product(((1, 16), (16, 32), (64, 64)), (3, 7), (16, 100, 1000), (1, 32)):

        def make(T, c=c, o=o, k=k, length=length, n=n):
            return training_call(T, T.nn.Conv1d(c, o, k, padding=k // 2), T.randn(n, c, length))
        yield f"{n}x{c}x{length}-{o} k{k}", 6 * n * o * c * k * length, make


@grid
def conv_transpose2d():
    for (c, o), k, stride, size, n in itertools.product(((16, 8), (64, 32), (128, 3)), (2, 4), (2,), (7, 14), (1, 32)):

        def make(T, c=c, o=o, k=k, stride=stride, size=size, n=n):
            return training_call(T, T.nn.ConvTranspose2d(c, o, k, stride=stride), T.randn(n, c, size, size))
        yield f"{n}x{c}x{size}x{size}-{o} k{k} s{stride}", 6 * n * o * c * k * k * size * size, make


def planes():
    """(channels, size, batch), from one small plane to those of images, odd and even."""
    for c, size, n in itertools.product((1, 16, 64, 256), (4, 7, 14, 26, 27, 56), (1, 8, 32)):
        if n * c * size * size < 4e6:
            yield c, size, n


@grid
def pool2d():
    """Kernels, strides, paddings of both kinds."""
    windows = ((2, 2, 0), (3, 2, 1), (3, 1, 1), (3, 3, 0))
    kinds = ("MaxPool2d", "AvgPool2d")
    for (c, size, n), (k, stride, padding), kind in itertools.product(planes(), windows, kinds):

        def make(T, c=c, size=size, n=n, sizes=(k, stride, padding), kind=kind):
            return training_call(T, getattr(T.nn, kind)(*sizes), T.randn(n, c, size, size))
        yield f"{kind[:3]} {n}x{c}x{size}x{size} k{k} s{stride}", 0, make


@grid
def pool_global():
    """One number for each plane or row, a few for each, and nearest upsampling."""
    layers = {"mean": ("AdaptiveAvgPool2d", 1), "max": ("AdaptiveMaxPool2d", 1), "means 4": ("AdaptiveAvgPool2d", 4),
              "nearest": ("Upsample", None, 2)}
    for (c, size, n), (label, (kind, *sizes)) in itertools.product(planes(), layers.items()):

        def make(T, c=c, size=size, n=n, kind=kind, sizes=tuple(sizes)):
            return training_call(T, getattr(T.nn, kind)(*sizes), T.randn(n, c, size, size))
        yield f"{label} {n}x{c}x{size}x{size}", 0, make
    for c, length, n in itertools.product((16, 128), (50, 100), (1, 64)):

        def make(T, c=c, length=length, n=n):
            return training_call(T, T.nn.MaxPool1d(length), T.randn(n, c, length))
        yield f"max {n}x{c}x{length}", 0, make


def attention_sizes():
    """(batch, length, width, heads), up to some work, from one token to long sequences, narrow to wide."""
    for n, length, width in itertools.product((1, 8, 32, 256), (1, 16, 64, 250, 1000), (8, 64, 128, 512)):
        if n * length * width * (12 * width + 6 * length) < 2e9:
            yield n, length, width, max(1, width // 32)


@grid
def attention():
    for (n, length, width, heads), causal in itertools.product(attention_sizes(), (False, True)):

        def make(T, n=n, length=length, width=width, heads=heads, causal=causal):
            class SelfAttention(T.nn.MultiheadAttention):
                def forward(self, x):
                    return super().forward(x, x, x, need_weights=False, attn_mask=mask, is_causal=causal)
            mask = T.nn.Transformer.generate_square_subsequent_mask(length) if causal else None
            return training_call(T, SelfAttention(width, heads, batch_first=True), T.randn(n, length, width))
        flops = n * length * width * (24 * width + (6 if causal else 12) * length)
        yield f"{n}x{length}x{width} h{heads}" + " causal" * causal, flops, make


@grid
def transformer_layer():
    for n, length, width, heads in attention_sizes():

        def make(T, n=n, length=length, width=width, heads=heads):
            layer = T.nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
            return training_call(T, layer, T.randn(n, length, width))
        yield f"{n}x{length}x{width} h{heads}", n * length * width * (72 * width + 12 * length), make


@grid
def recurrent():
    """Hidden sizes, batches, lengths; a few with other inputs than hidden size, two directions, batch first."""
    kinds = {"LSTM": 4, "GRU": 3, "RNN": 1}
    shapes = list(itertools.product(kinds, (8, 64, 128, 512), (1, 4, 32, 256), (1, 10, 100, 1000)))
    for kind, hidden, n, length in shapes:
        flops = 12 * kinds[kind] * length * n * hidden * hidden
        if flops > 1e10:
            continue
        odd = hidden == 64 and n == 32

        def make(T, kind=kind, hidden=hidden, n=n, length=length, odd=odd):
            layer = getattr(T.nn, kind)(hidden, hidden, batch_first=odd, bidirectional=odd)
            return training_call(T, layer, T.randn(*((n, length) if odd else (length, n)), hidden))
        yield f"{kind} {length}x{n}x{hidden}" + (" bidirectional" if odd else ""), flops * (1 + odd), make


def main():
    options = common.parser(__doc__)
    options.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th case")
    options = options.parse_args()
    import fastnn
    if options.isa:
        fastnn.kernels.set_isa(options.isa)
    torch = common.import_torch(not options.no_torch)
    fastnn.set_num_threads(options.threads)
    libraries = {"fastnn": fastnn}
    if torch:
        torch.set_num_threads(options.threads)
        libraries["torch"] = torch
    peak = Peak().flops("float32", options.threads)
    rounds, block = (3, 0.002) if options.quick else (5, 0.01)
    results, rows = [], []
    for family, cases in GRIDS:
        wanted = [case for case in cases() if re.search(options.filter, f"{family} {case[0]}")]
        for label, flops, make in wanted[::options.every]:
            for T in libraries.values():
                T.manual_seed(0)
            calls = {name: make(T) for name, T in libraries.items()}
            times = common.time_in_turns(calls, rounds=rounds, block=block)
            own = times["fastnn"]["min"]
            slower = own / times["torch"]["min"] if torch else None
            share = flops / own / peak if peak and flops else None
            rows.append((slower, share, family, label))
            results.append({"spec": family, "label": label, "times": times, "flops": flops})
            print(f"{family:>18} {label:<32} {common.duration(own)}  "
                  + (f"{common.duration(times['torch']['min'])}  {slower:6.2f} of PyTorch's  " if torch else "")
                  + (f"{share:6.1%} of peak" if share else ""), flush=True)
    if torch and rows:
        print("\nworst five, time of fastnn / time of PyTorch:")
        for slower, share, family, label in sorted(rows, reverse=True)[:5]:
            print(f"  {slower:6.2f}  {family} {label}" + (f"  ({share:.1%} of peak)" if share else ""))
    isa = fastnn.kernels.get_isa()
    common.save("grid", options.json, {"kind": "grid", "machine": common.machine(isa, options.threads),
                                       "results": results})


if __name__ == "__main__":
    main()
