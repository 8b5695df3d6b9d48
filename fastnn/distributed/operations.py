"""What numbers of several processes are reduced by."""


class _Operation:
    """A member of `ReduceOp`."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"<RedOpType.{self.name}: {ORDER.index(self.name)}>"

    def __reduce__(self):
        return getattr, (ReduceOp, self.name)


ORDER = ("SUM", "AVG", "PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR")


class ReduceOp:
    """Operations of `all_reduce` and its relatives; AVG is the sum divided by the number of processes.

    BAND, BOR and BXOR are for integers and bool. PREMUL_SUM is not there.
    """

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = (_Operation(name) for name in ORDER)
    RedOpType = _Operation


class reduce_op:  # noqa: N801
    """The former name of `ReduceOp`."""

    SUM, PRODUCT, MIN, MAX = ReduceOp.SUM, ReduceOp.PRODUCT, ReduceOp.MIN, ReduceOp.MAX


def check(op, name, dtype):
    """The name of an operation that numbers of `dtype` allow."""
    if not isinstance(op, _Operation):
        raise TypeError(f"{name}: expected a ReduceOp, got {op!r}")
    if op.name in ("BAND", "BOR", "BXOR") and dtype.kind not in "biu":
        raise ValueError(f"{name}: {op.name} is for integers and bool, got {dtype}")
    if op.name == "AVG" and dtype.kind != "f":
        raise ValueError(f"{name}: AVG is for floating-point numbers, got {dtype}")
    return op.name
