"""``export``: from a model and its arguments to a file."""
import contextlib
import enum
import inspect
import os
import warnings

import numpy as np

from fastnn._tensor import Tensor, from_array, to_array
from fastnn.autograd import no_grad
from fastnn.nn.modules.module import Module
from fastnn.onnx.dimensions import altered, dimensions_of
from fastnn.onnx.errors import OnnxExporterError
from fastnn.onnx.estimators import network_of
from fastnn.onnx.graph import Graph, Size
from fastnn.onnx.program import ONNXProgram, leaves
from fastnn.onnx.recording import Trace, recording, tensors_of
from fastnn.onnx.rules import RULES
from fastnn.serialization import files

LOWEST, DEFAULT, HIGHEST = 13, 18, 23  # versions of ONNX's operators that the rules know
IR_VERSION = 10  # of the file format: one that runtimes of several years read
_exporting = False


class TrainingMode(enum.IntEnum):
    """In which mode the model runs while it is exported.

    Examples
    --------
    >>> fastnn.onnx.TrainingMode.PRESERVE.value
    1
    """

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(enum.IntEnum):
    """PyTorch's kinds of operators; ONNX's own are the ones there are here.

    Examples
    --------
    >>> fastnn.onnx.OperatorExportTypes.ONNX.value
    0
    """

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


def is_in_onnx_export():
    """Whether `export` is running the model.

    Examples
    --------
    >>> fastnn.onnx.is_in_onnx_export()
    False
    """
    return _exporting


def supported_operations():
    """The names of the functions that have a form in ONNX, sorted; others work if they are made of these.

    Examples
    --------
    >>> {"conv2d", "softmax"} <= set(fastnn.onnx.supported_operations())
    True
    """
    return sorted({function.__name__.strip("_") for function in RULES})


def need_onnx():
    """The package onnx; ImportError that says how to get it."""
    try:
        import onnx
        from onnx import checker, helper, numpy_helper  # noqa: F401 (modules of the package)
    except ImportError as error:
        raise ImportError("onnx.export: writing ONNX files needs the package onnx: pip install onnx") from error
    return onnx


def rebuilt(item, replacements):
    """Arguments with their tensors replaced, in the order of `leaves`, by what an iterator gives."""
    if isinstance(item, (Tensor, np.ndarray)):
        return next(replacements)
    if isinstance(item, (tuple, list)):
        parts = [rebuilt(part, replacements) for part in item]
        return type(item)(*parts) if hasattr(item, "_fields") else type(item)(parts)
    if isinstance(item, dict):
        return {key: rebuilt(part, replacements) for key, part in item.items()}
    return item


def paths(item, path):
    """The name of each tensor in arguments: that of the argument, and numbers or keys within it."""
    if isinstance(item, (Tensor, np.ndarray)):
        yield path
    elif isinstance(item, (tuple, list)):
        for i, part in enumerate(item):
            yield from paths(part, f"{path}_{i}")
    elif isinstance(item, dict):
        for key, part in item.items():
            yield from paths(part, f"{path}_{key}" if path else str(key))


def argument_names(function, args, kwargs):
    """[(name, argument)] as the signature has them."""
    try:
        names = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        names = []
    positional = [p.name for p in names if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = next((p.name for p in names if p.kind == p.VAR_POSITIONAL), "input")
    positional += [f"{rest}_{i}" for i in range(len(args) - len(positional))]
    return [*zip(positional, args), *kwargs.items()]


def refuse(**given):
    """NotImplementedError for options that have another value than the one that works."""
    for name, (value, fine) in given.items():
        if value not in fine:
            raise NotImplementedError(f"onnx.export: {name}={value!r} is not implemented")


@contextlib.contextmanager
def running(model, training):
    """The mode in which the model runs, and what it was before."""
    global _exporting
    modules = list(model.modules()) if isinstance(model, Module) else []
    before, _exporting = [(module, module.training) for module in modules], True
    try:
        if training == TrainingMode.EVAL and modules:
            model.eval()
        with no_grad():
            yield
    finally:
        _exporting = False
        for module, was in before:
            module.training = was


@contextlib.contextmanager
def buffers_kept(model, found):
    """A run may count or average in buffers: they are as before afterwards, and the trace has copies of what it saw."""
    modules = list(model.modules()) if isinstance(model, Module) else []
    before = [(module, name, tensor, to_array(tensor).copy()) for module in modules
              for name, tensor in module._buffers.items() if tensor is not None]
    try:
        yield
    finally:
        for module, name, tensor, numbers in before:
            if module._buffers.get(name) is not tensor:
                setattr(module, name, tensor)
            array = to_array(tensor)
            if array.tobytes() != numbers.tobytes():
                for entry in found.values:
                    if np.may_share_memory(entry.array, array):
                        entry.array = entry.array.copy()
                array[...] = numbers


def holders_of(model):
    """The objects whose attributes may be functions: layers, of a function those that it knows by its closure too."""
    if isinstance(model, Module):
        return list(model.modules())
    if hasattr(model, "_flatten_layers"):
        return list(model._flatten_layers())
    known = [cell.cell_contents for cell in getattr(model, "__closure__", None) or ()]
    return [holder for item in known if isinstance(item, Module) for holder in item.modules()]


def trace(recorder, model, args, kwargs, arrays):
    """(trace, outputs, their numbers) of one run on copies of the arrays."""
    tensors = [from_array(array.copy()) for array in arrays]
    found = recorder.trace = Trace(tensors)
    given = rebuilt((args, kwargs), iter(tensors))
    with buffers_kept(model, found):
        try:
            made = model(*given[0], **given[1])
        finally:
            recorder.trace = None
        outputs = made if isinstance(made, (tuple, list, dict, Tensor)) else getattr(made, "__dict__", made)
        numbers = [found.number(tensor) for tensor in tensors_of(outputs)]
    if not numbers:
        raise OnnxExporterError(f"export: expected tensors as the model's outputs, got {type(made).__name__}")
    return found, outputs, numbers


def export(model, args=(), f=None, *, kwargs=None, verbose=None, input_names=None, output_names=None,
           opset_version=None, dynamo=True, external_data=True, dynamic_shapes=None, custom_translation_table=None,
           report=False, optimize=True, verify=False, profile=False, dump_exported_program=False, artifacts_dir=".",
           fallback=False, export_params=True, keep_initializers_as_inputs=False, dynamic_axes=None,
           training=TrainingMode.EVAL, operator_export_type=OperatorExportTypes.ONNX, do_constant_folding=True,
           custom_opsets=None, export_modules_as_functions=False, autograd_inlining=True):
    """Write a model as an ONNX file, which other programs run. Needs the package ``onnx``.

    Same call as torch.onnx.export. The model is run once with `args` and once more for each dynamic dimension with
    another size; its operations are recorded, and what depends on sizes becomes part of the graph.

    Parameters
    ----------
    model : Module, keras Model, estimator of fastnn.sklearn, or callable
        Of an estimator the outputs are `predict_proba`'s, for a regressor `predict`'s, for an autoencoder the
        reconstruction; its batch is dynamic.
    args : tuple, Tensor or array
        Arguments; a dictionary at the end holds keyword arguments. What is no tensor becomes a constant.
    f : str, path or binary file, optional
        Where the file is written; without it the result alone has the model.
    kwargs : dict, optional
        Keyword arguments.
    input_names, output_names : sequence of str, optional
        Names of the graph's inputs and outputs in their order; without them the names of the arguments, and "output".
    opset_version : int, optional
        Version of ONNX's operators, 13 to 23; default 18.
    dynamic_axes : dict, optional
        {name of an input or output: {axis: name of the dimension} or list of axes}.
    dynamic_shapes : dict or sequence, optional
        The same for arguments, as torch.export has it: {argument: {axis: Dim or name}}, or one entry per argument.
    training : TrainingMode
        EVAL, or PRESERVE for the mode in which the model is.
    keep_initializers_as_inputs : bool
        Whether weights are inputs of the graph with these values as defaults.
    verify : bool
        Whether ONNX Runtime's results for `args` are compared with the model's.
    verbose : bool, optional
        Whether a line about the result is printed.
    dynamo, external_data, optimize, artifacts_dir, fallback, do_constant_folding, autograd_inlining
        Accepted without effect: there is one exporter, which writes one file and computes constants once.
    custom_translation_table, report, profile, dump_exported_program, export_params, operator_export_type, \
custom_opsets, export_modules_as_functions
        Not implemented beyond their defaults.

    Returns
    -------
    ONNXProgram

    Raises
    ------
    UnsupportedOperatorError
        An operation has no form in ONNX here; the message names it.
    OnnxExporterError
        The outputs depend on the inputs through what cannot be recorded, or the operations differ with the sizes of the
        dynamic dimensions.
    ImportError
        ``onnx`` is not installed.
    NotImplementedError
        An option asks for what is not here.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> program = fastnn.onnx.export(model, (fastnn.ones(1, 4),), "model.onnx", input_names=["x"],
    ...                              output_names=["y"], dynamic_axes={"x": {0: "batch"}})  # doctest: +SKIP
    >>> program  # doctest: +SKIP
    <ONNXProgram of 3 nodes: x -> y>
    """
    refuse(custom_translation_table=(custom_translation_table, (None, {})), report=(report, (False,)),
           profile=(profile, (False,)), dump_exported_program=(dump_exported_program, (False,)),
           export_params=(export_params, (True,)), operator_export_type=(operator_export_type, (0,)),
           custom_opsets=(custom_opsets, (None, {})), training=(training, (0, 1, None)),
           export_modules_as_functions=(export_modules_as_functions, (False,)))
    onnx = need_onnx()
    version = _version(opset_version)
    if not callable(model):
        model, args, dynamic_axes, input_names = network_of(model, args, dynamic_axes, input_names)
    args = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    kwargs = dict(kwargs or {})
    if args and isinstance(args[-1], dict) and not kwargs:
        args, kwargs = args[:-1], dict(args[-1])
    arrays = [to_array(x) if isinstance(x, Tensor) else x for x in leaves((args, kwargs))]
    if not arrays:
        raise OnnxExporterError("onnx.export: expected a tensor among the arguments, args has none")
    forward = model.forward if isinstance(model, Module) else getattr(model, "call", model)
    own = [(name, item) for name, item in argument_names(forward, args, kwargs)]
    names = [name for argument, item in own for name in paths(item, argument)]
    names = _named(names, input_names, "input_names")
    dimensions = dimensions_of(names, arrays, own, dynamic_axes, dynamic_shapes)

    with recording(RULES, holders_of(model)) as recorder, running(model, training):
        runs = [trace(recorder, model, args, kwargs, given) for given in (arrays, *altered(arrays, dimensions))]
    if any(len(run[2]) != len(runs[0][2]) or run[2] != runs[0][2] for run in runs):
        Graph.check_same(runs[0][0], next(run[0] for run in runs if run[2] != runs[0][2]))
        raise OnnxExporterError("onnx.export: which tensors the model returns depends on its inputs' sizes or numbers")
    weights = {id(to_array(tensor)): name for name, tensor in _weights(model)}
    graph = Graph([run[0] for run in runs], weights, version, onnx)
    outputs = [graph.values[n] for n in runs[0][2]]
    out_names = list(paths(runs[0][1], "output"))
    out_names = _named(out_names, output_names, "output_names")
    if not set(names).isdisjoint(out_names):
        raise ValueError(f"onnx.export: {sorted(set(names) & set(out_names))} are names of inputs and of outputs")
    unknown = sorted(set(dynamic_axes or ()) - {*names, *out_names})
    if unknown:
        warnings.warn(f"onnx.export: dynamic_axes names {', '.join(unknown)}, which is no input or output",
                      stacklevel=2)
    proto = _model(graph, onnx, names, arrays, dimensions, outputs, out_names, dynamic_axes or {},
                   keep_initializers_as_inputs)
    program = ONNXProgram(proto)
    if f is not None:
        files.write([proto.SerializeToString()], f, "onnx.export")
    if verify:
        _verify(program, arrays, runs[0][1])
    if verbose:
        print(f"onnx.export: {program}{'' if f is None else f' written to {os.fspath(f)}'}")
    return program


def _version(asked):
    if asked is None:
        return DEFAULT
    if not isinstance(asked, int) or asked > HIGHEST:
        raise NotImplementedError(f"onnx.export: opset_version={asked!r} is not implemented; there are {LOWEST} to "
                                  f"{HIGHEST}")
    if asked < LOWEST:
        warnings.warn(f"onnx.export: opset_version={asked} is older than the operators that are written; the file has "
                      f"version {LOWEST}", stacklevel=3)
    return max(asked, LOWEST)


def _named(own, given, what):
    """Names of inputs or outputs: those that are given, in their order, then their own."""
    given = list(given or ())
    if len(given) > len(own):
        raise ValueError(f"onnx.export: {what} has {len(given)} names for {len(own)} tensors")
    names = given + own[len(given):]
    if len(set(names)) != len(names):
        raise ValueError(f"onnx.export: {what} has a name twice: {names}")
    return names


def _weights(model):
    if isinstance(model, Module):
        yield from model.named_parameters()
        yield from model.named_buffers()
    else:
        yield from [(weight.path, weight) for weight in getattr(model, "weights", ())]


def _model(graph, onnx, names, arrays, dimensions, outputs, out_names, axes, keep):
    """The graph, with its inputs and outputs, as a model."""
    helper = onnx.helper
    taken = [*names, *out_names]
    graph.taken.update(taken)
    for name, value in zip(names, graph.values):
        value.known = name
        graph.remember(value)
    graph.write(outputs)
    renamed, last, made_by_nodes = {}, [], {name for node in graph.nodes for name in node.output}
    for value, name in zip(outputs, out_names):
        if value.name in made_by_nodes and value.name not in renamed:
            renamed[value.name] = name
        else:
            last.append(helper.make_node("Identity", [value.name], [name], name=graph.unique(f"node_{name}")))
    for node in graph.nodes + last:
        for kind in (node.input, node.output):
            kind[:] = [renamed.get(name, name) for name in kind]
    symbols = {dimension.found: dimension.name for dimension in dimensions}

    def info(name, dtype, sizes):
        return helper.make_tensor_value_info(name, graph.type_of(dtype), sizes)
    ins = []
    for i, (name, array) in enumerate(zip(names, arrays)):
        sizes = list(array.shape)
        for dimension in dimensions:
            for place, axis, symbol in dimension.positions:
                if place == i:
                    sizes[axis] = symbol
        ins.append(info(name, array.dtype, sizes))
    outs = []
    for name, value in zip(out_names, outputs):
        given = axes.get(name, {})
        given = given if isinstance(given, dict) else {axis: f"{name}_dynamic_axes_{i}" for i, axis in enumerate(given)}
        given = {axis % max(value.ndim, 1): symbol for axis, symbol in given.items()}
        outs.append(info(name, value.dtype, [
            symbols.get(n.found) or given.get(i, f"{name}_dim_{i}") if isinstance(n, Size) else n
            for i, n in enumerate(value.shape)]))
    if keep:
        ins += [info(tensor.name, helper.tensor_dtype_to_np_dtype(tensor.data_type), list(tensor.dims))
                for tensor in graph.initializers]
    made = helper.make_graph(graph.nodes + last, "main_graph", ins, outs, graph.initializers)
    if sum(len(tensor.raw_data) for tensor in graph.initializers) >= 2 ** 31 - 2 ** 20:
        raise NotImplementedError("onnx.export: a model of 2 GB and more needs files beside the graph, which are not "
                                  "written here")
    proto = helper.make_model(made, producer_name="fastnn", opset_imports=[helper.make_opsetid("", graph.opset)],
                              ir_version=IR_VERSION)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _verify(program, arrays, expected):
    for i, (ours, theirs) in enumerate(zip(tensors_of(expected), program(*arrays), strict=True)):
        ours, theirs = to_array(ours), to_array(theirs)
        if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-4, equal_nan=True):
            raise OnnxExporterError(f"onnx.export: ONNX Runtime computes another output {i} than the model, by up to "
                                    f"{np.abs(ours - theirs).max():g}")
