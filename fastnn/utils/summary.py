"""The table of a model's layers: shapes, parameters and multiplications, as torchinfo prints it."""
import math

import numpy as np

from fastnn import dtypes, random
from fastnn._tensor import Tensor
from fastnn.autograd.grad_mode import no_grad
from fastnn.nn.modules.container import ModuleDict, ModuleList
from fastnn.nn.parameter import is_lazy
from fastnn.ops.creation import zeros
from fastnn.utils._pytree import tree_leaves

_COLUMNS = {"input_size": "Input Shape", "output_size": "Output Shape", "num_params": "Param #",
            "params_percent": "Param %", "kernel_size": "Kernel Shape", "mult_adds": "Mult-Adds",
            "trainable": "Trainable"}


class Row:
    """A call of a layer, or a layer that no call reached.

    Attributes
    ----------
    name : str
        Its class.
    depth, index : int
        Of the model 0, of its layers 1; the how-manieth of its depth.
    input_size, output_size : list of int
        Shapes of the first tensors in and out; empty without one.
    parameters, trainable : int
        Elements of its parameters, its layers' included.
    repeated : bool
        Whether a row above is the same layer.
    multiplications : int
        Multiplications and additions of its own parameters in the call.
    output_bytes : int
        Of a layer with parameters and without layers: the size of what it returned.
    """

    def __init__(self, module, name, depth):
        self.module, self.name, self.depth, self.index = module, name, depth, 0
        self.input_size, self.output_size, self.output_bytes, self.multiplications = [], [], 0, 0
        given = [p for p in module.parameters() if not is_lazy(p)]
        self.parameters = sum(p.numel() for p in given)
        self.trainable = sum(p.numel() for p in given if p.requires_grad)
        self.repeated, self.leaf = False, not module._modules

    def called(self, inputs, output):
        """Take shapes and work from a call."""
        tensors = [x for x in tree_leaves(inputs) if isinstance(x, Tensor)]
        results = [x for x in tree_leaves(output) if isinstance(x, Tensor)]
        self.input_size = list(tensors[0].shape) if tensors else []
        if results:
            self.output_size = list(results[0].shape)
            self.output_bytes = results[0].nbytes if self.leaf and self.parameters else 0
            self.multiplications = self._work(results[0].shape)

    def _work(self, shape):
        """An element of a weight or bias takes part once for each sample, in convolutions at each position, in
        recurrent layers at each step."""
        total = 0
        for name, parameter in self.module._parameters.items():
            if parameter is None or is_lazy(parameter):
                continue
            if "Conv" in self.name:
                times = math.prod([*shape[:1], *shape[2:]])
            elif name in ("weight", "bias"):
                times = shape[0] if shape else 1
            else:
                times = math.prod(shape[:2])
            total += times * parameter.numel()
        return total


class Summary:
    """What `summary` returns: its text by `str`, and the figures behind it.

    Attributes
    ----------
    rows : list of Row
        In the order of the calls.
    total_params, trainable_params, total_mult_adds : int
        Of the whole model; parameters that layers share count once.
    total_input, total_output_bytes, total_param_bytes : int
        Bytes.

    Examples
    --------
    >>> fastnn.summary(nn.Linear(3, 2), verbose=0).total_params
    8
    """

    def __init__(self, model, rows, columns, width, depth, input_bytes):
        self.rows, self._columns, self._width, self._depth = rows, columns, width, depth
        distinct = [p for p in model.parameters() if not is_lazy(p)]
        self.total_params = sum(p.numel() for p in distinct)
        self.trainable_params = sum(p.numel() for p in distinct if p.requires_grad)
        self.total_param_bytes = sum(p.nbytes for p in distinct)
        self.total_mult_adds = sum(row.multiplications for row in rows)
        self.total_input, self.total_output_bytes = input_bytes, 2 * sum(row.output_bytes for row in rows)

    def _cell(self, row, column):
        if column in ("input_size", "output_size"):
            return str(getattr(row, column) or "--")
        if column == "kernel_size":
            size = getattr(row.module, "kernel_size", None)
            return "--" if size is None else str(list(size) if isinstance(size, tuple) else size)
        if column == "trainable":
            return "--" if not row.parameters else "True" if row.trainable == row.parameters else \
                "Partial" if row.trainable else "False"
        if column == "mult_adds":
            return f"{row.multiplications:,}" if row.multiplications and row.leaf else "--"
        if row.repeated:
            return "(recursive)"
        count = self._uncounted(row)
        if column == "params_percent":
            return f"{count / self.total_params:.2%}" if count else "--"
        text = f"{count:,}" if count else "--"
        return f"({text})" if count and not row.trainable else text

    def _uncounted(self, row):
        """Elements of a row's parameters that no row shown below it counts."""
        counted = set()
        for below in self.rows[self.rows.index(row) + 1:]:
            if below.depth <= row.depth:
                break
            if below.depth <= self._depth:
                counted.update(map(id, below.module.parameters()))
        return sum(p.numel() for p in row.module.parameters() if not is_lazy(p) and id(p) not in counted)

    def __str__(self):
        labels = []
        for row in self.rows:
            indent = "" if not row.depth else "├─" if row.depth == 1 else "│    " * (row.depth - 1) + "└─"
            labels.append(f"{indent}{row.name}" + (f": {row.depth}-{row.index}" if row.depth else ""))
        shown = [(label, row) for label, row in zip(labels, self.rows) if row.depth <= self._depth]
        left = max(40, *(len(label) + 1 for label, _ in shown))
        line = "=" * (left + self._width * len(self._columns))

        def joined(label, cells):
            return f"{label:<{left}} {' '.join(f'{cell:<{self._width}}' for cell in cells)}".rstrip()
        table = [line, joined("Layer (type:depth-idx)", [_COLUMNS[column] for column in self._columns]), line]
        table += [joined(label, [self._cell(row, column) for column in self._columns]) for label, row in shown]
        table += [line, f"Total params: {self.total_params:,}", f"Trainable params: {self.trainable_params:,}",
                  f"Non-trainable params: {self.total_params - self.trainable_params:,}"]
        if any(row.output_size for row in self.rows):
            mega = [size / 1e6 for size in (self.total_input, self.total_output_bytes, self.total_param_bytes)]
            table += [f"Total mult-adds (M): {self.total_mult_adds / 1e6:.2f}", line,
                      f"Input size (MB): {mega[0]:.2f}", f"Forward/backward pass size (MB): {mega[1]:.2f}",
                      f"Params size (MB): {mega[2]:.2f}", f"Estimated Total Size (MB): {sum(mega):.2f}"]
        return "\n".join([*table, line])

    __repr__ = __str__


def _inputs(input_size, batch_dim, types):
    """Random tensors of the given sizes; whole numbers are zeros, which every table of vectors has."""
    sizes = [input_size] if all(isinstance(n, int) for n in input_size) else list(input_size)
    types = [dtypes.float32] * len(sizes) if types is None else list(types)
    if len(types) != len(sizes):
        raise ValueError(f"summary: expected a dtype for each of {len(sizes)} inputs, but got {len(types)}")
    made = []
    for size, dtype in zip(sizes, types):
        if not isinstance(size, (tuple, list)) or not all(isinstance(n, int) and n >= 0 for n in size):
            raise ValueError(f"summary: expected input_size to be sizes or a list of such, but got {input_size}")
        size = list(size)
        if batch_dim is not None:
            size.insert(batch_dim, 1)
        if dtype.is_floating_point:
            array = np.random.default_rng(0).random(size)  # leaves the streams of the program alone
            made.append(Tensor(array.astype(np.float32)).to(dtype))
        else:
            made.append(zeros(*size, dtype=dtype))
    return made


def _watch(model, rows):
    """Hooks that add a row for each call; returns their handles."""
    def hooks(module, name, depth, lists):
        def before(_, inputs, keywords):
            for container in lists:  # which nobody calls
                if container not in rows:
                    rows.append(container)
            row = Row(module, name, depth)
            rows.append(row)
            waiting.append(row)

        def after(_, inputs, keywords, output):
            waiting.pop().called((inputs, keywords), output)
        return [module.register_forward_pre_hook(before, with_kwargs=True),
                module.register_forward_hook(after, with_kwargs=True)]

    waiting, handles, done = [], [], set()

    def walk(module, depth, lists):
        if id(module) not in done:
            done.add(id(module))
            name = type(module).__name__
            if isinstance(module, (ModuleList, ModuleDict)):
                lists = [*lists, Row(module, name, depth)]
            else:
                handles.extend(hooks(module, name, depth, lists))
                lists = []
            for child in module.children():
                walk(child, depth + 1, lists)
    walk(model, 0, [])
    return handles


def _layers(model):
    """A row for each layer, without a call."""
    rows = []

    def walk(module, depth):
        rows.append(Row(module, type(module).__name__, depth))
        for child in module.children():
            walk(child, depth + 1)
    walk(model, 0)
    return rows


def summary(model, input_size=None, input_data=None, batch_dim=None, col_names=("output_size", "num_params"),
            col_width=25, depth=3, dtypes=None, mode="eval", verbose=1, **kwargs) -> Summary:
    """Print a table of a model's layers: output shapes, parameters, multiplications and memory.

    The model is called once, without gradients and, by default, in evaluation mode; its training mode and the random
    streams stay as they are. Without `input_size` and `input_data` nothing is called, and shapes are unknown.

    Names, arguments and the table are torchinfo's (https://github.com/TylerYep/torchinfo).

    Parameters
    ----------
    model : nn.Module
    input_size : sequence of int, or of those, optional
        The size of the input, batch included, or those of several inputs.
    input_data : Tensor, or a sequence or mapping of arguments, optional
        The inputs themselves; a mapping is given as keywords.
    batch_dim : int, optional
        A dimension of size 1 is put into each of `input_size` here.
    col_names : sequence of str
        Columns: input_size, output_size, num_params, params_percent, kernel_size, mult_adds, trainable.
    col_width : int
        Characters of a column.
    depth : int
        Layers further inside are counted, but not shown.
    dtypes : sequence of dtype, optional
        Of each of `input_size`; default float32. Whole numbers are zeros.
    mode : {"eval", "train"}
    verbose : {0, 1}
        Whether to print; the result is returned in any case.
    **kwargs
        Further arguments of the call.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        An unknown column or mode, or sizes that are none.
    RuntimeError
        The call failed; its error is the cause.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> found = fastnn.summary(model, (16, 4), col_width=15)
    ======================================================================
    Layer (type:depth-idx)                   Output Shape    Param #
    ======================================================================
    Sequential                               [16, 2]         --
    ├─Linear: 1-1                            [16, 8]         40
    ├─ReLU: 1-2                              [16, 8]         --
    ├─Linear: 1-3                            [16, 2]         18
    ======================================================================
    Total params: 58
    Trainable params: 58
    Non-trainable params: 0
    Total mult-adds (M): 0.00
    ======================================================================
    Input size (MB): 0.00
    Forward/backward pass size (MB): 0.00
    Params size (MB): 0.00
    Estimated Total Size (MB): 0.00
    ======================================================================
    """
    unknown = [name for name in col_names if name not in _COLUMNS]
    if unknown:
        raise ValueError(f"summary: expected col_names among {', '.join(_COLUMNS)}, but got {unknown[0]!r}")
    if mode not in ("eval", "train"):
        raise ValueError(f"summary: expected mode to be 'eval' or 'train', but got {mode!r}")
    if verbose not in (0, 1):
        raise NotImplementedError(f"summary: verbose={verbose!r} is not implemented: 0 or 1")
    if input_data is not None and input_size is not None:
        raise ValueError("summary: expected input_size or input_data, but got both")
    rows = []
    if input_data is None and input_size is None:
        arguments, rows = [], _layers(model)
        col_names = [name for name in col_names if name not in ("input_size", "output_size", "mult_adds")]
    else:
        arguments = _inputs(input_size, batch_dim, dtypes) if input_data is None else \
            [] if isinstance(input_data, dict) else \
            list(input_data) if isinstance(input_data, (list, tuple)) else [input_data]
        keywords = {**(input_data if isinstance(input_data, dict) else {}), **kwargs}
        _call(model, arguments, keywords, mode, rows)
        arguments = [*arguments, *keywords.values()]
    counts, known = {}, set()
    for row in rows:
        counts[row.depth] = row.index = counts.get(row.depth, 0) + 1
        row.repeated = id(row.module) in known and row.parameters > 0
        known.add(id(row.module))
    size = sum(x.nbytes for x in tree_leaves(arguments) if isinstance(x, Tensor))
    found = Summary(model, rows, tuple(col_names), col_width, depth, size)
    if verbose:
        print(found)
    return found


def _call(model, arguments, keywords, mode, rows):
    """One call, which fills `rows`; modes, random streams and hooks are as before after it."""
    modes = [(module, module.training) for module in model.modules()]
    state, handles = random.get_rng_state(), _watch(model, rows)
    try:
        model.train(mode == "train")
        with no_grad():
            model(*arguments, **keywords)
    except Exception as error:
        reached = ", ".join(row.name for row in rows if row.output_size) or "none"
        raise RuntimeError(f"summary: the call of the model failed ({type(error).__name__}: {error}); layers that ran: "
                           f"{reached}") from error
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        random.set_rng_state(state)
