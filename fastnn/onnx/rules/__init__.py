"""How calls of fastnn's operations are written in ONNX, one module for each subject."""
from fastnn.onnx.rules import (attention, convolution, elementwise, indexing, normalization, pooling, products,
                               recurrent, reduce, shape)
from fastnn.onnx.rules._declare import RULES

__all__ = ["RULES"]
