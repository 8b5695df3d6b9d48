"""Calls with sparse tensors go by the table of their forms (`fastnn.sparse.tensor.RULES`)."""
from fastnn.ops._common import set_special
from fastnn.sparse import elementwise, reductions, shapes  # noqa: F401 (they fill the table)
from fastnn.sparse.tensor import SparseTensor, call


def by_rules(function, args, keywords):
    """A call with a sparse tensor among the arguments."""
    name = function.__name__
    return call(name if function.home != "fastnn.linalg" or name == "matmul" else f"linalg.{name}", args, keywords)


set_special(SparseTensor, by_rules)
