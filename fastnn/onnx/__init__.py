"""Models as ONNX files: PyTorch's ``torch.onnx`` for models of all three doors. Needs the package ``onnx``."""
from fastnn.onnx import errors
from fastnn.onnx.errors import OnnxExporterError
from fastnn.onnx.exporting import OperatorExportTypes, TrainingMode, export, is_in_onnx_export, supported_operations
from fastnn.onnx.program import ONNXProgram

__all__ = ["ONNXProgram", "OnnxExporterError", "OperatorExportTypes", "TrainingMode", "errors", "export",
           "is_in_onnx_export", "supported_operations"]
