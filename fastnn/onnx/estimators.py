"""Estimators of the scikit-learn door as functions of tensors, which the export runs."""
import numpy as np

from fastnn._tensor import from_array
from fastnn.nn import functional as F
from fastnn.ops.joining import cat
from fastnn.ops.linear import linear

FUNCTIONS = {"sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu,
             "selu": F.selu, "gelu": F.gelu, "silu": F.silu, "mish": F.mish, "relu6": F.relu6,
             "hardswish": F.hardswish, "softplus": F.softplus, "softsign": F.softsign}


def network_of(estimator, X, dynamic_axes, input_names):
    """(function, arguments, dynamic_axes, input_names) for an export of a fitted network of dense layers.

    The function gives what `predict_proba` does, of a regressor what `predict` does, of an autoencoder the
    reconstruction.
    """
    kind = type(estimator).__name__
    if not hasattr(estimator, "_stack"):
        raise TypeError(f"onnx.export: expected a Module, a Keras model, an estimator of fastnn.sklearn or a callable, "
                        f"got {kind}")
    if not hasattr(estimator, "coefs_"):
        from sklearn.exceptions import NotFittedError
        raise NotFittedError(f"onnx.export: this {kind} is not fitted yet")
    stack, out = estimator._stack(), estimator.out_activation_
    dtype = stack.weights[0].dtype
    layers = [([from_array(np.ascontiguousarray(w.T)), from_array(b)], norm, activation) for w, b, norm, activation in
              zip(stack.weights, stack.biases, stack.norms, stack.activations)]
    classifies, width = hasattr(estimator, "classes_"), np.shape(estimator.coefs_[-1])[1]

    def network(X):
        for parameters, norm, (name, a, b) in layers:
            X = linear(X, *parameters)
            if norm is not None:
                mean, var, weight, bias = [from_array(v) for v in (norm.mean, norm.var, norm.weight, norm.bias)]
                X = F.batch_norm(X, mean, var, weight, bias, eps=norm.eps)
            if name is not None:
                options = {"leaky_relu": (a,), "elu": (a,), "softplus": (a, b)}.get(name, ())
                X = FUNCTIONS[name](X, *options)
        if out == "softmax":
            return F.softmax(X, 1)
        X = F.sigmoid(X) if out == "logistic" else X.exp() if out == "exp" else X
        if classifies and width == 1:
            return cat([1 - X, X], 1)
        return X.flatten() if not classifies and width == 1 else X
    X = X[0] if isinstance(X, (tuple, list)) and len(X) == 1 else X
    X = np.asarray(X, dtype=dtype)
    if X.ndim != 2 or X.shape[1] != estimator.n_features_in_:
        raise ValueError(f"onnx.export: expected rows of {estimator.n_features_in_} features, got shape {X.shape}")
    names = list(input_names or ["X"])
    rows = X[:2] if len(X) else np.zeros((1, X.shape[1]), dtype)
    return network, (rows,), dynamic_axes or {names[0]: {0: "batch"}}, names
