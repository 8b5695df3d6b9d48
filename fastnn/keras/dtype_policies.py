"""Which type a layer computes in and which its weights have, as ``keras.dtype_policies``.

Half precision gains nothing on a CPU without units for it: ``"mixed_float16"`` and ``"mixed_bfloat16"`` are accepted
and compute in float32, which is what their results are rounded from.
"""
from fastnn.keras import config

_global = None


class DTypePolicy:
    """Dtypes that a layer computes in and that its weights have.

    Parameters
    ----------
    name : str, optional
        A dtype, or "mixed_float16" or "mixed_bfloat16", which compute in float32; `config.floatx` without it.

    Raises
    ------
    NotImplementedError
        "float16" or "bfloat16".

    Examples
    --------
    >>> keras.DTypePolicy("float64").compute_dtype
    'float64'
    """

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
    """Dtype policy of layers that are given none.

    Returns
    -------
    DTypePolicy

    Examples
    --------
    >>> keras.dtype_policies.dtype_policy().name
    'float32'
    """
    return _global or DTypePolicy(config.floatx())


def set_dtype_policy(policy):
    """Sets the dtype policy of layers that are given none.

    Parameters
    ----------
    policy : str, dict or DTypePolicy

    Examples
    --------
    >>> keras.dtype_policies.set_dtype_policy("float32")
    """
    global _global
    _global = get(policy)


def get(identifier):
    """Dtype policy of a name, a record or an object; the global one of None.

    Parameters
    ----------
    identifier : str, dict, DTypePolicy or None

    Returns
    -------
    DTypePolicy

    Examples
    --------
    >>> keras.dtype_policies.get("float64").name
    'float64'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(identifier)


def serialize(policy):
    """Record of a dtype policy.

    Parameters
    ----------
    policy : DTypePolicy

    Returns
    -------
    dict

    Examples
    --------
    >>> keras.dtype_policies.serialize(keras.DTypePolicy("float64"))["config"]
    {'name': 'float64'}
    """
    return {"module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}


def deserialize(record, custom_objects=None):
    """Dtype policy of a record, or of a name.

    Parameters
    ----------
    record : dict or str
    custom_objects : dict, optional
        Accepted.

    Returns
    -------
    DTypePolicy

    Examples
    --------
    >>> keras.dtype_policies.deserialize("float64").name
    'float64'
    """
    if isinstance(record, str):
        return DTypePolicy(record)
    return DTypePolicy(record["config"]["name"])
