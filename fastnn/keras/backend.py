"""``keras.backend``: what is left of it in Keras 3."""
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
