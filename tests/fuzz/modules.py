"""``python -m fuzz.modules --count N --seed S`` (in tests/): modules with random options beside PyTorch's.

Both are made from one seed (the same repr and initial values), run forward and backward, take a step of SGD and are
asked again in evaluation mode: outputs, gradients, parameters and buffers, judged as programs are. Dropout is drawn for
the constructor and set to 0 for the run.
"""
import argparse
import dataclasses
import json
import random
import sys
import time
from pathlib import Path

import numpy as np

from fuzz import judge, operations
from fuzz.arguments import Draw, Skip
from fuzz.explain import Explained
from fuzz.ir import Ref, numbers, shown, substitute
from fuzz.programs import Judge
from fuzz.runner import Raised, Run, run, tensors_of

TABLE = Path(__file__).with_suffix(".txt")


EXCLUDED = {
    **dict.fromkeys("Module ModuleList ModuleDict Sequential ParameterList ParameterDict".split(), "containers"),
    **dict.fromkeys("RNNBase RNNCellBase Step".split(), "base classes, no module of PyTorch's"),
    **dict.fromkeys("TransformerEncoder TransformerDecoder".split(), "take a layer: Transformer has both"),
    **dict.fromkeys("MaxUnpool1d MaxUnpool2d MaxUnpool3d".split(), "take a pooling's indices: tests/parity"),
    "AdaptiveLogSoftmaxWithLoss": "takes targets, gives a loss and an output: parity, test_torch_gaps",
    "CrossMapLRN2d": "PyTorch's sums keep the square of the first channel",
    **dict.fromkeys("FractionalMaxPool2d FractionalMaxPool3d".split(), "windows drawn at random: parity"),
    "DataParallel": "gives its module's results: tests of compat",
    "SyncBatchNorm": "raises NotImplementedError: one process",
    "ConvTranspose3d": "transposed convolutions are 1-D and 2-D",
}


def descriptions():
    """Class name -> [(constructor, [inputs])]."""
    found = {}
    for line in TABLE.read_text().splitlines()[1:]:
        names, constructor, *inputs = [part.strip() for part in line.split("|")]
        for name in names.split():
            found.setdefault(name, []).append((constructor, inputs))
    return found


def uncovered():
    """Modules of fastnn with neither a description nor a written exclusion; a loss may have its function's."""
    from fastnn import nn
    functions = {name.split(".")[-1].replace("_", "") for name in operations.descriptions() if name.endswith("_loss")}
    return [name for name in dir(nn) if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
            and not name.startswith("Lazy") and name not in descriptions() and name not in EXCLUDED
            and name.lower() not in functions]


def drop_nothing(layer):
    """Dropout with probability 0 in all parts of a layer."""
    for part in layer.modules():
        for attribute in ("p", "dropout"):
            kind = type(part).__name__
            if isinstance(getattr(part, attribute, None), float) and "Loss" not in kind and "Distance" not in kind:
                setattr(part, attribute, 0.0)


@dataclasses.dataclass
class Trial:
    """One module with its options and inputs."""
    name: str
    args: list
    kwargs: dict
    inputs: list
    options: dict
    leaves: list
    training: bool
    seed: int
    steps: tuple = ()
    backward: None = None

    def last_key(self):
        return f"nn.{self.name}"

    def source(self):
        given = [shown(a) for a in self.args] + [f"{key}={shown(value)}" for key, value in self.kwargs.items()]
        called = [repr(a) for a in self.inputs] + [f"{key}={shown(value)}" for key, value in self.options.items()]
        lines = ["import numpy as np", "import torch  # or: import fastnn as torch", f"torch.manual_seed({self.seed})"]
        lines += [f"{leaf.name} = torch.from_numpy({numbers(leaf.array)})" + ".requires_grad_()" * leaf.requires_grad
                  + f"  # {leaf.layout}" for leaf in self.leaves]
        dtype = next((leaf.array.dtype for leaf in self.leaves if leaf.array.dtype.kind == "f"), "float32")
        return "\n".join([*lines, f"module = torch.nn.{self.name}({', '.join(given)}).to(torch.{dtype})"
                          f".train({self.training})", f"print(module({', '.join(called)}))"])

    def execute(self, library, **how):
        """The trial on one library; its Trace."""
        each = Run(library, self, **how)
        module, observed = library.module, each.trace.observed
        library.seed(self.seed)
        for leaf in self.leaves:
            each.leaf(leaf)
        try:
            layer = getattr(module.nn, self.name)(*substitute(self.args, each.resolve),
                                                  **substitute(self.kwargs, each.resolve))
            observed.append(("repr", repr(layer)))
            observed.append(("initial state", self.state(each, layer)))
            wide = any(leaf.array.dtype == np.float64 for leaf in self.leaves)
            layer.double() if wide or each.widen else layer.float()
            if each.perturb:
                for p in layer.parameters():
                    each.shake(p)
            drop_nothing(layer)
            layer.train(self.training)
            self.use(each, layer)
        except Exception as error:
            observed.append(("call", Raised(error)))
        return each.trace

    def state(self, each, layer):
        return [item for key, t in layer.state_dict().items() for item in (key, each.observe(t))]

    def use(self, each, layer):
        """Forward, backward, a step, evaluation."""
        module, observed = each.library.module, each.trace.observed
        inputs, options = substitute(self.inputs, each.resolve), self.options
        leaves = [each.trace.env[leaf.name][0] for leaf in self.leaves]
        if self.kwargs.get("inplace") or True in self.args:
            inputs = [t.clone() if t.requires_grad else t for t in inputs]
        result = layer(*inputs, **options)
        observed.append(("result", each.observe(list(result) if isinstance(result, tuple) else result)))
        outputs = [t for t in tensors_of(result, each.kind) if t.requires_grad and t.is_floating_point()]
        if outputs:
            rng = np.random.default_rng(self.seed)
            module.autograd.backward(outputs, [each.weights(t, rng) for t in outputs])
            observed.append(("gradients of inputs", [each.observe(t.grad) for t in leaves if t.requires_grad]))
            observed.append(("gradients", [item for key, p in layer.named_parameters()
                                       for item in (key, each.observe(p.grad))]))
            if list(layer.parameters()):
                module.optim.SGD(layer.parameters(), lr=0.1).step()
        observed.append(("state after a step", self.state(each, layer)))
        layer.eval()
        with module.no_grad():
            result = layer(*[t.detach() for t in substitute(self.inputs, each.resolve)], **options)
        observed.append(("evaluation", each.observe(list(result) if isinstance(result, tuple) else result)))


def make(seed, index, library):
    """Trial number `index` of a seed; most of those that PyTorch refuses are drawn again."""
    rng = random.Random(f"{seed} module {index}")
    table = descriptions()
    for _ in range(20):
        name = rng.choice(sorted(table)) if index >= len(table) or _ > 10 else sorted(table)[index]
        constructor, inputs = rng.choice(table[name])
        trial = Trial(name, [], {}, [], {}, [], rng.random() < 0.6, rng.getrandbits(31))
        draw = Draw(rng, trial, {}, rng.choice(("float32", "float32", "float32", "float64")))
        draw.mixed, draw.big = False, draw.big and "Norm" in name
        draw.plain = "Attention" in name or "Transformer" in name  # sums of products in many layers
        draw.finite = name not in SPECIAL_VALUES or rng.random() < 0.8
        try:
            if constructor:
                trial.args, trial.kwargs = draw.call(constructor, False, spelled=False)
            draw.first = None
            args, kwargs = draw.call(rng.choice(inputs), True, spelled=False)
            trial.inputs = [a for a in args if isinstance(a, Ref)] + [a for a in kwargs.values() if isinstance(a, Ref)]
            trial.options = {key: value for key, value in kwargs.items() if not isinstance(value, Ref)}
        except Skip:
            continue
        theirs = run(library, trial)
        if not isinstance(theirs.observed[-1][1], Raised) or rng.random() < 0.1:
            return trial, theirs
    return trial, theirs


# Maps of numbers take NaN and infinities too; sums of products of them depend on the order.
SPECIAL_VALUES = set("ReLU ReLU6 SELU Sigmoid Tanh LogSigmoid Softsign Hardsigmoid Hardswish SiLU CELU ELU Hardtanh "
                     "LeakyReLU Softplus Threshold".split())


def smaller(trial, finding, fails):
    """Options left out one by one."""
    for key in list(trial.kwargs):
        fewer = dataclasses.replace(trial, kwargs={k: v for k, v in trial.kwargs.items() if k != key})
        found = fails(fewer)
        if found and found.label == finding.label and found.kind == finding.kind:
            trial, finding = fewer, found
    for i, leaf in enumerate(trial.leaves):
        for change in ({"layout": "contiguous"}, {"array": np.ones_like(leaf.array)}, {"requires_grad": False}):
            leaves = list(trial.leaves)
            leaves[i] = dataclasses.replace(leaves[i], **change)
            other = dataclasses.replace(trial, leaves=leaves)
            found = fails(other)
            if found and found.label == finding.label and found.kind == finding.kind:
                trial, finding = other, found
    return trial, finding


def check(judged, trial, theirs=None, threads=()):
    theirs = theirs or run(judged.libraries[0], trial)
    ours = judged.ours(trial)
    if judged.core.guard_damage():
        return judge.Finding("memory", "guard", "a kernel wrote outside the array it was given")
    found = judge.findings(trial, ours, theirs, judged.libraries)
    if found:
        return found[0]
    for count in threads:
        text = judge.other_bits(ours, judged.ours(trial, count))
        if text:
            return judge.Finding(text[0], "bits", f"{count} threads: {text[1]}")
    return None


def findings(seed, indices, judged, explained):
    """(index, trial, finding, explaining line) of every difference."""
    for index in indices:
        trial, theirs = make(seed, index, judged.libraries[0])
        found = check(judged, trial, theirs, (2,) if index % 3 == 0 else ())
        if found:
            trial, found = smaller(trial, found, lambda each: check(judged, each))
            yield index, trial, found, explained.line(trial, found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="a file for the findings")
    args = parser.parse_args()
    judged, explained, kinds, began, lines = Judge(), Explained(), {}, time.time(), 0
    for index, trial, found, line in findings(args.seed, range(args.count), judged, explained):
        if line is not None:
            lines += 1
            continue
        each = {"index": index, "key": trial.last_key(), "kind": found.kind, "text": repr(found),
                "source": trial.source(), "explained": None}
        if args.json:
            with open(args.json, "a") as log:
                print(json.dumps(each), file=log)
        name = judge.signature(each)
        if name not in kinds:
            print(f"\n#{index} {each['key']}: {each['text']}\n{each['source']}\n", flush=True)
        kinds[name] = kinds.get(name, 0) + 1
    print(f"{args.count} modules in {time.time() - began:.0f} s, {sum(kinds.values())} findings of {len(kinds)} kinds, "
          f"{lines} explained")
    for name, count in sorted(kinds.items(), key=lambda item: -item[1]):
        print(f"{count:6} {name}")
    return bool(kinds)


if __name__ == "__main__":
    sys.exit(main())
