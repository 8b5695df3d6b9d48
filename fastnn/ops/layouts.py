"""From dense to sparse tensors; `fastnn.sparse` is loaded when the first one is made."""
from fastnn.ops.declare import operation


@operation("Tensor")
def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """A sparse tensor of the elements that are not 0.

    Parameters
    ----------
    sparse_dim : int, optional
        Leading dimensions that become sparse, default all; the others stay dense, and rows of zeros are left out.
    layout : layout, optional
        ``fastnn.sparse_coo`` (the default), ``fastnn.sparse_csr`` or ``fastnn.sparse_csc``.
    blocksize : tuple of ints, optional
        None: blocked layouts are not implemented.
    dense_dim : int, optional
        Trailing dimensions that stay dense.

    Raises
    ------
    NotImplementedError
        A blocked layout.

    Examples
    --------
    >>> fastnn.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse()
    tensor(indices=tensor([[0],
                           [1]]),
           values=tensor([2.]),
           size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    from fastnn.sparse.creation import sparsified
    return sparsified(self, sparse_dim, layout, blocksize, dense_dim)


@operation("Tensor")
def to_sparse_coo(self):
    """A sparse tensor of layout ``fastnn.sparse_coo``; see ``to_sparse``.

    Examples
    --------
    >>> fastnn.eye(2).to_sparse_coo().layout
    torch.sparse_coo
    """
    return self.to_sparse()


@operation("Tensor")
def to_sparse_csr(self, dense_dim=None):
    """A sparse matrix by rows; see ``to_sparse``.

    Parameters
    ----------
    dense_dim : int, optional
        Trailing dimensions that stay dense.

    Examples
    --------
    >>> fastnn.eye(2).to_sparse_csr()
    tensor(crow_indices=tensor([0, 1, 2]),
           col_indices=tensor([0, 1]),
           values=tensor([1., 1.]), size=(2, 2), nnz=2, layout=torch.sparse_csr)
    """
    return self.to_sparse(layout="torch.sparse_csr", dense_dim=dense_dim)


@operation("Tensor")
def to_sparse_csc(self, dense_dim=None):
    """A sparse matrix by columns; see ``to_sparse``.

    Parameters
    ----------
    dense_dim : int, optional
        Trailing dimensions that stay dense.

    Examples
    --------
    >>> fastnn.eye(2).to_sparse_csc().layout
    torch.sparse_csc
    """
    return self.to_sparse(layout="torch.sparse_csc", dense_dim=dense_dim)


@operation("Tensor")
def sparse_mask(self, mask):
    """A sparse tensor of this one's elements where the sparse tensor `mask` has entries.

    Parameters
    ----------
    mask : Tensor
        A sparse tensor of the same shape.

    Raises
    ------
    RuntimeError
        `mask` is not sparse, or of another shape.

    Examples
    --------
    >>> fastnn.ones(2, 2).sparse_mask(fastnn.eye(2).to_sparse()).values()
    tensor([1., 1.])
    """
    raise RuntimeError("sparse_mask(): expected 'mask' to be a sparse tensor")
