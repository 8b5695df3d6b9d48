"""A function of one sample as a function of a batch."""
import functools

from fastnn import random
from fastnn._tensor import Tensor
from fastnn.ops.joining import stack
from fastnn.utils._pytree import tree_flatten, tree_unflatten


def _places(in_dims, args, name):
    """The leaves of all arguments, their structure, and the mapped dimension of each leaf or None."""
    leaves, spec = tree_flatten(args)
    if isinstance(in_dims, int):
        in_dims = (in_dims,) * len(args)
    if not isinstance(in_dims, (tuple, list)):
        raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): expected `in_dims` to be int or a "
                         f"(potentially nested) tuple matching the structure of inputs, got: {type(in_dims)}.")
    if not args:
        raise ValueError(f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
                         f"vmap over a function with no inputs.")

    def spread(dims, tree):
        """One entry for each leaf."""
        own, structure = tree_flatten(tree)
        if dims is None or isinstance(dims, int):
            return [dims] * len(own)
        given, other = tree_flatten(dims)
        if structure == other:
            return given
        same_keys = not isinstance(dims, dict) or not isinstance(tree, dict) or dims.keys() == tree.keys()
        if type(dims) is type(tree) and len(dims) == len(tree) and same_keys:
            pairs = ((dims[key], tree[key]) for key in tree) if isinstance(tree, dict) else zip(dims, tree)
            return [dim for pair in pairs for dim in spread(*pair)]
        raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): in_dims is not compatible with the "
                         f"structure of `inputs`: {dims!r} for {tree!r}")
    if len(in_dims) != len(args):
        raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): in_dims is not compatible with the "
                         f"structure of `inputs`: {len(in_dims)} entries for {len(args)} inputs")
    dims = [dim for each, arg in zip(in_dims, args) for dim in spread(each, arg)]
    for i, (dim, leaf) in enumerate(zip(dims, leaves)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): Got in_dim={dim!r} for an input but "
                             f"in_dim must be either an integer dimension or None.")
        if not isinstance(leaf, Tensor):
            raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): Got in_dim={dim} for an input but the "
                             f"input is of type {type(leaf)}. We cannot vmap over non-Tensor arguments, please use "
                             f"None as the respective in_dim")
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): Got in_dim={dim} for some input, but "
                             f"that input is a Tensor of dimensionality {leaf.ndim}")
        dims[i] = dim % leaf.ndim
    return leaves, spec, dims


def _out_dims(out_dims, count, name):
    if isinstance(out_dims, int) or out_dims is None:
        return [out_dims] * count
    given = tree_flatten(out_dims)[0]
    if len(given) != count:
        raise ValueError(f"vmap({name}, ..., out_dims={out_dims!r})(<inputs>): out_dims is not compatible with the "
                         f"structure of `outputs`: {count} tensors")
    return given


def _joined(column, dim, name):
    """What every sample gave, stacked; for a place of None the one result of them all."""
    first = column[0]
    if dim is None:
        if all(x is first for x in column) or not isinstance(first, Tensor):
            return first
        if all(x.shape == first.shape and bool(((x == first) | (x != x) & (first != first)).all()) for x in column):
            return first
        raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None: its "
                         f"results differ from sample to sample")
    for x in column:
        if not isinstance(x, Tensor):
            raise ValueError(f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}. Did you mean "
                             f"to set out_dims= to None for output?")
    return stack(list(column), dim)


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """A function that calls `func` for each sample of a batch and stacks what it returns.

    Same results as torch.func.vmap, by one call for each sample: it takes every operation, and the time of as many
    calls.

    Parameters
    ----------
    func : callable
        Takes samples: tensors without the mapped dimension, in any nested structure; returns tensors.
    in_dims : int, None or nested structure of such
        Which dimension of each argument is mapped; None: every sample gets the whole, as of keyword
        arguments.
    out_dims : int, None or tuple of such
        Where the mapped dimension of results stands; None: results that are the same for every sample, and what is
        no tensor.
    randomness : {"error", "different", "same"}
        Whether `func` may draw random numbers, and whether every sample gets the same ones.
    chunk_size : int, optional
        Accepted, without effect.

    Raises
    ------
    RuntimeError
        `func` drew random numbers under ``randomness="error"``.
    ValueError
        The mapped dimensions differ in size, or there is none; a result is no tensor; with ``out_dims=None``, results
        that differ from sample to sample.

    Examples
    --------
    >>> fastnn.func.vmap(fastnn.dot)(fastnn.ones(2, 3), fastnn.arange(6.0).reshape(2, 3))
    tensor([ 3., 12.])
    """
    name = getattr(func, "__name__", repr(func))
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args, **kwargs):
        leaves, spec, dims = _places(in_dims, args, name)
        sizes = list({x.shape[dim] for x, dim in zip(leaves, dims) if dim is not None})
        if not sizes:
            raise ValueError(f"vmap({name}, in_dims={in_dims!r}, ...)(<inputs>): at least one input must be mapped")
        if len(sizes) > 1:
            raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                             f"{sorted(sizes)} for the mapped dimension")
        if sizes[0] == 0:
            raise NotImplementedError(f"vmap({name}): a batch of no samples is not implemented: nothing says what "
                                      f"shapes its results have")
        samples = [[x] * sizes[0] if dim is None else x.unbind(dim) for x, dim in zip(leaves, dims)]
        before = random.get_rng_state() if randomness != "different" else None
        rows = []
        for i in range(sizes[0]):
            if randomness == "same":
                random.set_rng_state(before)
            result = func(*tree_unflatten([sample[i] for sample in samples], spec), **kwargs)
            found, out_spec = tree_flatten(result)
            rows.append(found)
        if randomness == "error" and not bool((random.get_rng_state() == before).all()):
            raise RuntimeError("vmap: called random operation while in randomness error mode. Please either use the "
                               "'same' or 'different' randomness flags on vmap or perform the randomness operation out "
                               "of vmap")
        outs = _out_dims(out_dims, len(rows[0]), name)
        made = [_joined(column, dim, name) for dim, column in zip(outs, zip(*rows))]
        return tree_unflatten(made, out_spec)
    return mapped
