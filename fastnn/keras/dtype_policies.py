"""Which type a layer computes in and which its weights have, as ``keras.dtype_policies``.

Half precision gains nothing on a CPU without units for it: ``"mixed_float16"`` and ``"mixed_bfloat16"`` are accepted
and compute in float32, which is what their results are rounded from.
"""
from fastnn.keras import config

_global = None


class DTypePolicy:
    """A policy by its name: a type, or ``"mixed_float16"`` or ``"mixed_bfloat16"``."""

    def __init__(self, name=None):
        name = config.floatx() if name is None \
            else config.standardize_dtype(name) if not str(name).startswith("mixed_") \
            else name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self.compute_dtype = self.variable_dtype = "float32"
        else:
            if name in ("float16", "bfloat16"):
                raise NotImplementedError(f"DTypePolicy: {name!r} is not implemented; float32 and float64 are")
            self.compute_dtype = self.variable_dtype = name
        self.name = self._name = name
        self.quantization_mode = None

    def get_config(self):
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __eq__(self, other):
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self):
        return hash(self.name)

    def __repr__(self):
        return f'<DTypePolicy "{self.name}">'


FloatDTypePolicy = DTypePolicy


def dtype_policy():
    """The policy of layers that are given none."""
    return _global or DTypePolicy(config.floatx())


def set_dtype_policy(policy):
    """Set the policy of layers that are given none."""
    global _global
    _global = get(policy)


def get(identifier):
    """A policy by name, record or object; None is the global one."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(identifier)


def serialize(policy):
    """The record of a policy."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}


def deserialize(record, custom_objects=None):
    """The policy of a record."""
    if isinstance(record, str):
        return DTypePolicy(record)
    return DTypePolicy(record["config"]["name"])
