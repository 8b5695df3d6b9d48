"""``Model.export``: a model as a file that other programs run."""
import numpy as np

from fastnn.keras import tree
from fastnn.keras.layers.spec import InputSpec
from fastnn.keras.symbolic import KerasTensor
from fastnn.keras.variables import convert

SOME = 32  # the size of an unknown dimension while the model runs; enough for what halves it a few times


def example(spec):
    """An array for a KerasTensor, an InputSpec or an example itself, and the axes whose sizes are open."""
    if not isinstance(spec, (KerasTensor, InputSpec)):
        return convert(spec).detach().numpy(), []
    if spec.shape is None:
        raise ValueError(f"Model.export: expected an input_signature with shapes, got {spec}")
    axes = [axis for axis, size in enumerate(spec.shape) if size is None]
    sizes = [(2 if axis == 0 else SOME) if size is None else size for axis, size in enumerate(spec.shape)]
    dtype = np.dtype(spec.dtype or "float32")
    if dtype.kind != "f":
        return np.zeros(sizes, dtype), axes
    return np.random.default_rng(0).normal(size=sizes).astype(dtype), axes


def export_model(model, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
    """Write the model's inference as a file of the format "onnx", the one that is here."""
    if format != "onnx":
        raise NotImplementedError(f"Model.export: format={format!r} is not implemented; format='onnx' is, and `save` "
                                  f"writes a file that Keras reads")
    from fastnn import onnx
    opset_version = kwargs.pop("opset_version", None)
    if kwargs:
        raise NotImplementedError(f"Model.export: {', '.join(sorted(kwargs))} is not implemented for format='onnx'")
    signature = input_signature
    if signature is None:
        signature = getattr(model, "_inputs_struct", None) or getattr(model, "inputs", None)
        if not signature:
            raise ValueError("Model.export: the sizes of the inputs are not known: give an input_signature, for "
                             "example [keras.InputSpec(shape=(None, 3))]")
    if isinstance(signature, (list, tuple)) and len(signature) == 1:
        signature = signature[0]
    specs = tree.flatten(signature)
    found = [example(spec) for spec in specs]
    names = [getattr(spec, "name", None) or (f"input_{i}" if len(specs) > 1 else "input")
             for i, spec in enumerate(specs)]
    names = [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]
    axes = {name: {axis: "batch" if axis == 0 else f"{name}_dim_{axis}" for axis in open_axes}
            for name, (_, open_axes) in zip(names, found)}
    inputs = tree.pack_sequence_as(signature, [convert(array) for array, _ in found])

    def inference(inputs):
        return model(inputs, training=False)
    inference._flatten_layers, inference.weights = model._flatten_layers, model.weights
    return onnx.export(inference, (inputs, {}), str(filepath) if not hasattr(filepath, "write") else filepath,
                       input_names=names, dynamic_axes=axes, opset_version=opset_version, verbose=verbose)
