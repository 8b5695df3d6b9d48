"""Helpers for models: clipping, parameters as one vector, reparametrized weights, sequences of unequal length."""
from fastnn.errors import no_attribute as _no_attribute
from fastnn.nn.utils import parametrizations, parametrize, rnn, stateless
from fastnn.nn.utils.clip_grad import (clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_,
                                       get_total_norm)
from fastnn.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from fastnn.nn.utils.init import skip_init
from fastnn.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from fastnn.nn.utils.weight_norm import remove_weight_norm, weight_norm

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
           "parameters_to_vector", "parametrizations", "parametrize", "remove_spectral_norm", "remove_weight_norm",
           "rnn", "skip_init", "spectral_norm", "vector_to_parameters", "weight_norm"]


def __getattr__(name):
    if name in ("fusion", "prune"):  # few programs need them
        import importlib
        return importlib.import_module(f"fastnn.nn.utils.{name}")
    raise _no_attribute(__name__, name)
