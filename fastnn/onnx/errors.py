"""Errors of the export (torch.onnx.errors)."""


class OnnxExporterError(RuntimeError):
    """The model cannot be written as a graph.

    Examples
    --------
    >>> issubclass(fastnn.onnx.OnnxExporterError, RuntimeError)
    True
    """


class UnsupportedOperatorError(OnnxExporterError, NotImplementedError):
    """An operation of the model has no form in ONNX here; the message names it.

    Examples
    --------
    >>> issubclass(fastnn.onnx.errors.UnsupportedOperatorError, fastnn.onnx.OnnxExporterError)
    True
    """
