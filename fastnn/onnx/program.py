"""What an export gives: the model's graph, which can be saved and run."""
import numpy as np

from fastnn._tensor import Tensor, from_array, to_array
from fastnn.serialization import files


def leaves(item):
    """The tensors and arrays in arguments, in their order."""
    if isinstance(item, (Tensor, np.ndarray)):
        yield item
    elif isinstance(item, (tuple, list)):
        for part in item:
            yield from leaves(part)
    elif isinstance(item, dict):
        yield from leaves(list(item.values()))


class ONNXProgram:
    """An exported model.

    Attributes
    ----------
    model_proto : onnx.ModelProto

    Examples
    --------
    >>> program = fastnn.onnx.export(nn.Linear(2, 1), (fastnn.ones(1, 2),))  # doctest: +SKIP
    >>> program.save("linear.onnx")  # doctest: +SKIP
    """

    def __init__(self, model_proto):
        self.model_proto, self._session = model_proto, None

    def save(self, destination, *, include_initializers=True, keep_initializers_as_inputs=False, external_data=None):
        """Write the file, whole or not at all.

        Parameters
        ----------
        destination : str, path or binary file
        include_initializers, keep_initializers_as_inputs, external_data
            As in PyTorch; the values that ask for another file than one with everything in it are not implemented.
        """
        if not include_initializers or keep_initializers_as_inputs or external_data:
            raise NotImplementedError("ONNXProgram.save: include_initializers=False, keep_initializers_as_inputs and "
                                      "external_data are not implemented")
        files.write([self.model_proto.SerializeToString()], destination, "ONNXProgram.save")

    def __call__(self, *args, **kwargs):
        """The outputs that ONNX Runtime (the package ``onnxruntime``) computes, a tuple of tensors."""
        if self._session is None:
            try:
                import onnxruntime
            except ImportError as error:
                raise ImportError("ONNXProgram: running a model needs ONNX Runtime: pip install onnxruntime") from error
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(self.model_proto.SerializeToString(), options,
                                                         providers=["CPUExecutionProvider"])
        names = [item.name for item in self._session.get_inputs()]
        given = [to_array(item) if isinstance(item, Tensor) else item for item in leaves((args, kwargs))]
        if len(given) != len(names):
            raise TypeError(f"ONNXProgram: expected {len(names)} inputs ({', '.join(names)}), got {len(given)}")
        return tuple([from_array(array) for array in self._session.run(None, dict(zip(names, given)))])

    def __repr__(self):
        graph = self.model_proto.graph
        return (f"<ONNXProgram of {len(graph.node)} nodes: {', '.join(item.name for item in graph.input)} -> "
                f"{', '.join(item.name for item in graph.output)}>")
