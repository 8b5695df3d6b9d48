"""``keras.backend``: what is left of it in Keras 3, and what older programs ask of ``tf.keras.backend``."""
import importlib

from fastnn.keras.config import (backend, epsilon, floatx, image_data_format, result_type, set_epsilon, set_floatx,
                                 set_image_data_format, standardize_dtype)
from fastnn.keras.config import is_float as is_float_dtype
from fastnn.keras.config import is_int as is_int_dtype
from fastnn.keras.naming import get_uid, name_scope
from fastnn.keras.naming import reset_uids as clear_session
from fastnn.keras.symbolic import is_keras_tensor

__all__ = ["backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format", "is_float_dtype",
           "is_int_dtype", "is_keras_tensor", "name_scope", "result_type", "set_epsilon", "set_floatx",
           "set_image_data_format", "standardize_dtype"]

# Of ``tf.keras.backend``: module -> its names.
OLDER = {
    "ops": (
        "abs all any cast cos dtype elu exp log mean ndim shape sigmoid sign sin softplus softsign square "
        "stack std sum tanh var"),
    "backend_elements": (
        "argmax argmin clip cumprod cumsum equal foldl foldr greater greater_equal hard_sigmoid in_top_k "
        "l2_normalize less less_equal map_fn max maximum min minimum not_equal pow prod relu round softmax "
        "sqrt switch"),
    "backend_functions": (
        "arange batch_get_value batch_set_value cast_to_floatx constant count_params dropout eval eye "
        "get_value gradients int_shape is_sparse moving_average_update ones ones_like random_bernoulli "
        "random_normal random_normal_variable random_uniform random_uniform_variable set_value "
        "stop_gradient to_dense truncated_normal update update_add update_sub variable zeros zeros_like"),
    "backend_shapes": (
        "batch_dot batch_flatten concatenate dot expand_dims flatten gather one_hot permute_dimensions "
        "repeat repeat_elements reshape reverse squeeze tile transpose"),
    "backend_networks": (
        "batch_normalization bias_add binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
        "categorical_focal_crossentropy conv1d conv2d conv2d_transpose conv3d ctc_batch_cost ctc_decode "
        "ctc_label_dense_to_sparse depthwise_conv2d pool2d pool3d resize_images resize_volumes rnn "
        "separable_conv2d sparse_categorical_crossentropy spatial_2d_padding spatial_3d_padding "
        "temporal_padding"),
}
_modules = {name: module for module, names in OLDER.items() for name in names.split()}


def __getattr__(name):
    if name not in _modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"fastnn.keras.{_modules[name]}"), name)


def __dir__():
    return sorted({*globals(), *_modules})
