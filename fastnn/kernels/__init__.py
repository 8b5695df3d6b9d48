"""The lowest layer of fastnn: C kernels, NumPy arrays in and NumPy arrays out.

Each family is a module here and a module of the same name in `fastnn.reference`; its public functions are the package's
too.
"""
import importlib

from fastnn import reference as _reference
from fastnn.kernels._core import (available_isas, best_isa, binary_names, cached_bytes, compare_names,
                                  conv_implementation, conv_implementations, empty_cache, get_flush_denormal, get_isa,
                                  get_num_threads, has_threads, kernel_names, loss_names, openmp_version,
                                  set_flush_denormal, set_isa, set_num_threads, unary_names)

for _family in [importlib.import_module(f"{__name__}.{name}") for name in _reference.FAMILIES]:
    globals().update(_reference.functions(_family))
