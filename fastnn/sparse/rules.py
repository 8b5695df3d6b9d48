"""Calls with sparse tensors go by the table of their forms (`fastnn.sparse.tensor.RULES`)."""
from fastnn.ops._common import set_special
from fastnn.sparse import elementwise, reductions, shapes  # noqa: F401 (they fill the table)
from fastnn.sparse.tensor import SparseTensor, call


def by_rules(function, args, keywords):
    """A call with a sparse tensor among the arguments."""
    return call(function.__name__, args, keywords)


set_special(SparseTensor, by_rules)
