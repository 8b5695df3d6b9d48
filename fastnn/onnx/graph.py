"""The graph: several traces of one program are laid over each other, and the rules write what they have in common.

What differs between traces of inputs of different sizes is what depends on those sizes: a `Size`, of which the graph
knows how to compute it from the shapes of tensors. Nothing else may differ.
"""
import numpy as np

from fastnn import dtypes
from fastnn._tensor import from_array
from fastnn.onnx.errors import OnnxExporterError, UnsupportedOperatorError
from fastnn.onnx.recording import Ref, references
from fastnn.ops._common import promote


class Size:
    """A whole number that depends on the sizes of the inputs: what it was in each trace."""

    __slots__ = ("found",)

    def __init__(self, found):
        self.found = tuple(int(n) for n in found)

    def __eq__(self, other):
        return isinstance(other, Size) and self.found == other.found

    def __hash__(self):
        return hash(self.found)

    def __repr__(self):
        return f"<Size {'/'.join(map(str, self.found))}>"


class Value:
    """A tensor as the rules see it: dtype, shape (ints and Sizes), and by `name` its place in the graph."""

    __slots__ = ("arrays", "call", "dtype", "dynamic", "graph", "index", "known", "shape")

    def __init__(self, graph, index, entries, call):
        self.graph, self.index, self.call, self.known = graph, index, call, None
        self.arrays = [entry.array for entry in entries]
        self.dynamic, self.dtype = entries[0].dynamic, self.arrays[0].dtype
        if len({array.ndim for array in self.arrays}) > 1:
            shapes = " and ".join([str(list(array.shape)) for array in self.arrays[:2]])
            raise OnnxExporterError(f"export: how many dimensions a tensor has depends on the inputs' sizes: {shapes}; "
                                    f"a size of 1 that is to stay open may have been squeezed")
        self.shape = tuple([sized(sizes) for sizes in zip(*[array.shape for array in self.arrays])])

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def name(self):
        return self.graph.name_of(self)

    @property
    def constant(self):
        """The numbers of a tensor that is the same whatever the inputs are, else None."""
        first = self.arrays[0]
        if self.dynamic or not all(array is first or array.shape == first.shape
                                   and np.array_equal(array, first, equal_nan=first.dtype.kind == "f")
                                   for array in self.arrays[1:]):
            return None
        return first


def sized(numbers):
    """An int, or a Size if the traces differ."""
    return int(numbers[0]) if len(set(numbers)) == 1 else Size(numbers)


def is_static(sizes):
    return not any(isinstance(n, Size) for n in sizes)


class Graph:
    """Nodes and constants of an ONNX graph in the making.

    Parameters
    ----------
    traces : list of Trace
        Of the same program, the first with the inputs that were given.
    names : dict
        {id of an array: name} of parameters and buffers.
    opset : int
    helper : module
        ``onnx.helper``, with the types of ``onnx``.
    """

    def __init__(self, traces, names, opset, onnx):
        self.traces, self.names, self.opset, self.onnx = traces, names, opset, onnx
        self.nodes, self.initializers, self.constants, self.taken, self.sizes = [], [], {}, set(), {}
        self.current = None
        first = traces[0]
        for trace in traces[1:]:
            self.check_same(first, trace)
        calls = {id(call): i for i, call in enumerate(first.calls)}
        self.values = [Value(self, i, entries, None if entries[0].call is None else calls[id(entries[0].call)])
                       for i, entries in enumerate(zip(*[trace.values for trace in traces], strict=True))]

    @staticmethod
    def check_same(first, other):
        names, others = [call.name for call in first.calls], [call.name for call in other.calls]
        if names != others or len(first.values) != len(other.values):
            place = next((i for i, pair in enumerate(zip(names, others)) if pair[0] != pair[1]),
                         min(len(names), len(others)))
            here, there = [found[place] if place < len(found) else "the end" for found in (names, others)]
            raise OnnxExporterError(
                f"export: what the model computes depends on its inputs' sizes or numbers: of {len(names)} operations "
                f"with one input and {len(others)} with another, number {place} is {here} and {there}. A loop over a "
                f"dimension cannot be dynamic: leave that dimension out of dynamic_axes")

    # ---- arguments ----

    def common(self, items):
        """The same argument of all traces as one: Values for tensors, Sizes for numbers that differ."""
        first = items[0]
        if isinstance(first, Ref):
            if all(isinstance(item, Ref) and item.index == first.index for item in items):
                return self.values[first.index]
        elif isinstance(first, (tuple, list)):
            if all(type(item) is type(first) and len(item) == len(first) for item in items):
                return type(first)([self.common(parts) for parts in zip(*items)])
        elif isinstance(first, dict):
            if all(isinstance(item, dict) and list(item) == list(first) for item in items):
                return {key: self.common([item[key] for item in items]) for key in first}
        elif isinstance(first, slice):
            return slice(*[self.common([getattr(item, name) for item in items]) for name in ("start", "stop", "step")])
        elif isinstance(first, np.ndarray):
            if all(isinstance(item, np.ndarray) and np.array_equal(item, first) for item in items):
                return first
        elif isinstance(first, (bool, type(None), str)) or not isinstance(first, (int, np.integer)):
            if all(item is first or item == first for item in items):
                return first
        elif all(isinstance(item, (int, np.integer)) and not isinstance(item, bool) for item in items):
            return sized(items)
        raise OnnxExporterError(f"{self.current or 'export'}: an argument depends on the numbers of the inputs "
                                f"({', '.join(map(str, items[:2]))}), which a graph cannot follow; compute it with "
                                f"tensors")

    # ---- writing ----

    def unique(self, name):
        made, count = name, 1
        while made in self.taken:
            made, count = f"{name}_{count}", count + 1
        self.taken.add(made)
        return made

    def op(self, kind, *inputs, outputs=1, **attributes):
        """Write a node; the name of its output, or a list of names.

        Parameters
        ----------
        kind : str
            ONNX's operator.
        inputs : Value, str, array or None
            Tensors of the graph, or constants; None for one that is left out.
        outputs : int
        attributes
            Those that are None are left out.
        """
        if not self.onnx.defs.has(kind, max_inclusive_version=self.opset):
            raise self.unsupported(f"what ONNX's {kind} does, before the opset that brings it, version {self.opset}")
        names = [self.input(item) for item in inputs]
        while names and not names[-1]:
            names.pop()
        made = [self.unique(f"{(self.current or kind).strip('_')}") for _ in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(
            kind, names, made, name=self.unique(f"node_{made[0]}"),
            **{key: value for key, value in attributes.items() if value is not None}))
        return made[0] if outputs == 1 else made

    def input(self, item):
        if item is None:
            return ""
        if isinstance(item, str):
            return item
        return item.name if isinstance(item, Value) else self.constant(item)

    def constant(self, array, name=None):
        """The name of an initializer; equal small ones are written once."""
        array = np.asarray(array)
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 and name is None else None
        if key not in self.constants or key is None:
            made = self.unique(name or "constant")
            self.initializers.append(self.onnx.numpy_helper.from_array(array, made))
            if key is None:
                return made
            self.constants[key] = made
        return self.constants[key]

    def scalar(self, number, dtype):
        return self.constant(np.asarray(number).astype(dtype))

    def ints(self, *numbers):
        """Whole numbers as the name of an int64 vector, computed where they depend on the inputs' sizes."""
        if is_static(numbers):
            return self.constant(np.array(numbers, np.int64).reshape(-1))
        parts, run = [], []
        for number in (*numbers, None):
            if isinstance(number, int):
                run.append(number)
                continue
            if run:
                parts.append(self.constant(np.array(run, np.int64)))
                run = []
            if number is not None:
                parts.append(self.size(number))
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)

    def size(self, size):
        """The name of a vector of one element, which is the Size."""
        if size in self.sizes:
            found = self.sizes[size]
            if isinstance(found, tuple):
                value, axis = found
                found = self.sizes[size] = self.op("Shape", value, start=axis, end=axis + 1) if self.opset >= 15 else \
                    self.op("Gather", self.op("Shape", value), np.array([axis]), axis=0)
            return found
        self.sizes[size] = self.computed(size)
        return self.sizes[size]

    def computed(self, size):
        """A Size that is no tensor's: a multiple, a part, a sum or a product of those that are."""
        found, whole = size.found, list(self.sizes)
        for base in whole:
            ratio = {n // b if b and n % b == 0 else None for n, b in zip(found, base.found)}
            if len(ratio) == 1 and None not in ratio:
                return self.op("Mul", self.size(base), np.array(ratio.pop()).reshape(1))
        for base in whole:
            offset = {n - b for n, b in zip(found, base.found)}
            if len(offset) == 1:
                return self.op("Add", self.size(base), np.array(offset.pop()).reshape(1))
        for left in whole:
            for right in whole:
                ratio = {n // (a * b) if a * b and n % (a * b) == 0 else None
                         for n, a, b in zip(found, left.found, right.found)}
                if len(ratio) == 1 and None not in ratio:
                    product = self.op("Mul", self.size(left), self.size(right))
                    return self.op("Mul", product, np.array(ratio.pop()).reshape(1))
        for base in whole:
            for divisor in range(2, 65):
                if all(n == b // divisor for n, b in zip(found, base.found)):
                    return self.op("Div", self.size(base), np.array([divisor]))
        raise OnnxExporterError(f"{self.current or 'export'}: the number {size.found[0]} depends on the inputs' sizes "
                                f"in a way that is not found (it becomes {', '.join(map(str, size.found[1:]))} for "
                                f"others); leave a dimension out of dynamic_axes")

    def remember(self, value):
        """The sizes of a tensor that is in the graph now."""
        for axis, size in enumerate(value.shape):
            if isinstance(size, Size):
                self.sizes.setdefault(size, (value.known, axis))

    def cast(self, item, dtype):
        """The tensor in another dtype."""
        if isinstance(item, Value) and item.dtype == dtype:
            return item.name
        return self.op("Cast", item, to=self.type_of(dtype))

    def type_of(self, dtype):
        return self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def operand(self, item, dtype):
        """A tensor or number as an operand in a dtype."""
        if isinstance(item, Value):
            return self.cast(item, dtype)
        if isinstance(item, Size):
            return self.cast(self.op("Squeeze", self.size(item)), dtype)
        return self.scalar(item, dtype)

    def promoted(self, x, y):
        """The dtype in which two operands meet, by PyTorch's rules."""
        x, y = [from_array(item.arrays[0]) if isinstance(item, Value) else
                item.found[0] if isinstance(item, Size) else item for item in (x, y)]
        return np.dtype(promote(x, y))

    def reshape(self, x, shape, source=None):
        """`x` in another shape, where -1 and sizes that stay at their place need no computation.

        `source`: the shape of `x`, if that is no Value.
        """
        source = x.shape if source is None else source
        shape = list(shape)
        for i, n in enumerate(shape):
            if isinstance(n, Size) and i < len(source) and source[i] == n:
                shape[i] = 0
        unknown = [i for i, n in enumerate(shape) if isinstance(n, Size)]
        if len(unknown) == 1 and -1 not in shape:
            shape[unknown[0]] = -1
        return self.op("Reshape", x, self.ints(*shape))

    def unsupported(self, why):
        """An error that names the operation."""
        return UnsupportedOperatorError(f"{self.current}: {why} has no form in ONNX here")

    # ---- values ----

    def name_of(self, value):
        if value.known is None:
            constant = value.constant
            if constant is not None:
                name = next((self.names[id(array)] for array in value.arrays if id(array) in self.names), None)
                value.known = self.constant(constant, name)
            else:
                value.known = self.made_of_sizes(value)
        return value.known

    def made_of_sizes(self, value):
        """A tensor that no recorded operation made: of one number, or a range, as large as the inputs say."""
        kind = value.arrays[0].dtype
        flat = np.concatenate([array.reshape(-1) for array in value.arrays])
        if not value.dynamic and not is_static(value.shape):
            if flat.size and np.array_equal(flat, np.full_like(flat, flat[0]), equal_nan=kind.kind == "f"):
                return self.op("Expand", self.scalar(flat[0], kind), self.ints(*value.shape))
            if value.ndim == 1 and all(len(array) > 1 for array in value.arrays):
                start, step = value.arrays[0][0], value.arrays[0][1] - value.arrays[0][0]
                if all(np.array_equal(array, start + step * np.arange(len(array), dtype=kind))
                       for array in value.arrays):
                    count = self.cast(self.op("Squeeze", self.size(value.shape[0])), np.int64)
                    steps = self.op("Range", np.int64(0), count, np.int64(1))
                    scaled = self.op("Mul", self.cast(steps, kind), self.scalar(step, kind))
                    return self.op("Add", scaled, self.scalar(start, kind))
        raise OnnxExporterError(
            f"{self.current or 'export'}: a tensor of shape {list(value.arrays[0].shape)} depends on the inputs, but "
            f"not through recorded operations (it may come of NumPy, of random numbers or of an autograd.Function); "
            f"compute it with fastnn's functions")

    def needed(self, outputs):
        """The calls that the outputs depend on, in their order."""
        left, found = list(outputs), set()
        calls = self.traces[0].calls
        while left:
            value = left.pop()
            if value.call is None or value.call in found or value.constant is not None:
                continue
            found.add(value.call)
            call = calls[value.call]
            left += [self.values[n] for n in references((call.args, call.kwargs))]
        return sorted(found)

    def write(self, outputs):
        """Write what the outputs need."""
        for number in self.needed(outputs):
            calls = [trace.calls[number] for trace in self.traces]
            rule, self.current = calls[0].rule, calls[0].name
            if rule is None:
                raise UnsupportedOperatorError(f"{self.current}: this operation has no form in ONNX here; "
                                               f"fastnn.onnx.supported_operations() lists those that have")
            args, kwargs = self.common([call.args for call in calls]), self.common([call.kwargs for call in calls])
            self.results = [self.values[n] for n in calls[0].results]
            made = rule(self, *args, **kwargs)
            made = [name for name in made if name is not None] if isinstance(made, (tuple, list)) else [made]
            for value, name in zip(self.results, made, strict=True):
                if value.call == number:
                    value.known = name
                    self.remember(value)
        self.current = None

    @property
    def result(self):
        """The (first) result of the call that is being written."""
        return self.results[0]


def torch_dtype(dtype):
    """A NumPy dtype for one of fastnn's."""
    return np.dtype(dtype.numpy) if isinstance(dtype, dtypes.dtype) else np.dtype(dtype)
