"""Every kernel in pure NumPy: same names, signatures and results as `fastnn.kernels`, written to be read.

A family is a module; its public functions, helpers of other families among them, are the package's too.
"""
import importlib

FAMILIES = ("attention clip conv dropout elementwise embedding gemm lbfgs linear loss normalization optim optim_adam "
            "optim_factor pool recurrent reduce resample softmax").split()


def functions(module):
    """What a family defines (and does not import) for others, by name."""
    return {name: value for name, value in vars(module).items()
            if not name.startswith("_") and callable(value) and not isinstance(value, type)
            and getattr(value, "__module__", None) == module.__name__}


for _family in [importlib.import_module(f"{__name__}.{name}") for name in FAMILIES]:
    globals().update(functions(_family))
