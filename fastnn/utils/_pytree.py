"""Nested structures of lists, tuples, dicts and registered classes, as ``torch.utils._pytree``.

A structure is taken apart into its leaves, in order, and a `TreeSpec` that puts such leaves together again. Everything
that is not registered is a leaf, None too.

Examples
--------
>>> from fastnn.utils import _pytree
>>> leaves, spec = _pytree.tree_flatten({"a": 1, "b": (2, [3, None])})
>>> leaves
[1, 2, 3, None]
>>> _pytree.tree_unflatten([10, 20, 30, 40], spec)
{'a': 10, 'b': (20, [30, 40])}
"""
import typing
from collections import OrderedDict, defaultdict, deque, namedtuple

from fastnn.ops.named import Named
from fastnn.ops.reduce import values_and_indices
from fastnn.ops.reduce_composed import aminmax_result
from fastnn.utils._pytree_keys import GetAttrKey, MappingKey, SequenceKey, key_get, keystr

__all__ = ["GetAttrKey", "LeafSpec", "MappingKey", "SequenceKey", "TreeSpec", "key_get", "keystr",
           "register_pytree_node", "tree_all", "tree_any", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf",
           "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only",
           "tree_map_with_path", "tree_structure", "tree_unflatten"]


# ---- classes whose objects are taken apart ----

PyTree = typing.Any
NodeDef = namedtuple("NodeDef", "type flatten_fn unflatten_fn flatten_with_keys_fn")
SUPPORTED_NODES = {}


def register_pytree_node(cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None,
                         from_dumpable_context=None, flatten_with_keys_fn=None):
    """Register a class: objects of exactly this class are taken apart.

    Parameters
    ----------
    cls : type
    flatten_fn : callable
        From an object to (list of children, context).
    unflatten_fn : callable
        From (children, context) to an object.
    serialized_type_name, to_dumpable_context, from_dumpable_context : optional
        Accepted; specs are not written to files.
    flatten_with_keys_fn : callable, optional
        From an object to (list of (key, child), context); needed for paths.

    Raises
    ------
    ValueError
        The class is registered already.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> _pytree.register_pytree_node(Pair, lambda x: ([x.a, x.b], None), lambda children, context: Pair(*children))
    >>> _pytree.tree_leaves({"pair": Pair(1, 2)})
    [1, 2]
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)


_register_pytree_node = register_pytree_node


def _register_sequence(cls, remake, context=lambda x: None):
    register_pytree_node(cls, lambda x: (list(x), context(x)), remake, flatten_with_keys_fn=lambda x: (
        [(SequenceKey(i), child) for i, child in enumerate(x)], context(x)))


def _register_mapping(cls, remake, context):
    register_pytree_node(cls, lambda x: (list(x.values()), context(x)), remake, flatten_with_keys_fn=lambda x: (
        [(MappingKey(key), child) for key, child in x.items()], context(x)))


Context = typing.Any
_register_sequence(list, lambda children, context: list(children))
_register_sequence(tuple, lambda children, context: tuple(children))
_register_sequence(deque, lambda children, context: deque(children, maxlen=context), lambda x: x.maxlen)
_register_mapping(dict, lambda children, keys: dict(zip(keys, children)), list)
_register_mapping(OrderedDict, lambda children, keys: OrderedDict(zip(keys, children)), list)
_register_mapping(defaultdict, lambda children, context: defaultdict(context[0], zip(context[1], children)),
                  lambda x: [x.default_factory, list(x)])
_dict_flatten, _dict_unflatten = SUPPORTED_NODES[dict].flatten_fn, SUPPORTED_NODES[dict].unflatten_fn
_dict_flatten_with_keys = SUPPORTED_NODES[dict].flatten_with_keys_fn
_list_flatten, _list_unflatten = SUPPORTED_NODES[list].flatten_fn, SUPPORTED_NODES[list].unflatten_fn
_list_flatten_with_keys = SUPPORTED_NODES[list].flatten_with_keys_fn
register_pytree_node(namedtuple, lambda x: (list(x), type(x)), lambda children, cls: cls(*children),
                     flatten_with_keys_fn=lambda x: ([(GetAttrKey(name), getattr(x, name)) for name in x._fields],
                                                     type(x)))


_RESULTS = (values_and_indices, Named, aminmax_result)  # what sort, max, svd and others return
_register_sequence(values_and_indices, lambda children, cls: cls(children), type)


def is_namedtuple(obj):
    """Whether it is a named tuple, or a class of them."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_class(cls):
    """Whether a class is one of `collections.namedtuple`'s."""
    fields = getattr(cls, "_fields", None)
    return isinstance(cls, type) and issubclass(cls, tuple) and isinstance(fields, tuple) \
        and all(isinstance(name, str) for name in fields)


def is_namedtuple_instance(obj):
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_structseq_class(cls):
    """Whether a class is one of C's named tuples, such as ``time.struct_time``."""
    return isinstance(cls, type) and cls.__bases__ == (tuple,) and isinstance(getattr(cls, "n_fields", None), int) \
        and isinstance(getattr(cls, "n_sequence_fields", None), int)


def is_structseq_instance(obj):
    """Whether it is such a tuple."""
    return is_structseq_class(type(obj))


def _get_node_type(tree):
    cls = type(tree)
    if isinstance(tree, _RESULTS):
        return values_and_indices
    return namedtuple if cls not in SUPPORTED_NODES and is_namedtuple_class(cls) else cls


def tree_is_leaf(tree, is_leaf=None):
    """Whether a value is a leaf, not a structure that is taken apart.

    Parameters
    ----------
    tree : Any
    is_leaf : callable, optional
        ``is_leaf(part)`` true makes the part a leaf.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_is_leaf(3), _pytree.tree_is_leaf([3])
    (True, False)
    """
    return is_leaf is not None and bool(is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


# ---- specs ----

class TreeSpec:
    """A structure without its leaves: its class, the context, and the specs of its children.

    Parameters
    ----------
    type : type or None
        None for a leaf.
    context : Any
    children_specs : list of TreeSpec

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> spec = _pytree.tree_structure([1, (2, 3)])
    >>> spec.num_leaves, spec.num_nodes
    (3, 5)
    """

    __slots__ = ("children_specs", "context", "num_children", "num_leaves", "num_nodes", "type")

    def __init__(self, type, context, children_specs):  # noqa: A002
        self.type, self.context, self.children_specs = type, context, list(children_specs)
        self.num_children = len(self.children_specs)
        self.num_nodes = 1 + sum(child.num_nodes for child in self.children_specs)
        self.num_leaves = 1 if type is None else sum(child.num_leaves for child in self.children_specs)

    def is_leaf(self):
        """Whether this is the spec of a leaf."""
        return self.type is None

    def children(self):
        """The specs of the children."""
        return list(self.children_specs)

    def child(self, index):
        """The spec of one child."""
        return self.children_specs[index]

    def unflatten(self, leaves):
        """The structure with these leaves."""
        return tree_unflatten(leaves, self)

    def flatten_up_to(self, tree):
        """The parts of a structure that lie where this spec has leaves.

        Raises
        ------
        ValueError
            The structure's upper part is another.
        """
        if self.type is None:
            return [tree]
        kind = _get_node_type(tree)
        mappings = dict, OrderedDict, defaultdict
        if kind is not self.type and not (kind in mappings and self.type in mappings):
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {kind!r}.")
        if kind in mappings:
            keys = self.context[1] if self.type is defaultdict else self.context
            if set(keys) != set(tree):
                raise ValueError(f"Node keys mismatch; expected {list(keys)}, but got {list(tree)}.")
            children = [tree[key] for key in keys]
        else:
            children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
            if len(children) != self.num_children:
                raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
            if context != self.context:
                raise ValueError(f"Node context mismatch for node type {self.type!r}.")
        return [leaf for spec, child in zip(self.children_specs, children) for leaf in spec.flatten_up_to(child)]

    def __eq__(self, other):
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (self.type, self.context, self.children_specs) == (other.type, other.context, other.children_specs)

    def __hash__(self):
        return hash((self.type, self.num_leaves, self.num_nodes))

    def __repr__(self):
        if self.type is None:
            return "*"
        return f"TreeSpec({self.type.__name__}, {self.context}, {self.children_specs})"


PyTreeSpec = TreeSpec
_LEAF = TreeSpec(None, None, [])


def LeafSpec():  # noqa: N802
    """The spec of a leaf.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.LeafSpec().is_leaf()
    True
    """
    return _LEAF


treespec_leaf = LeafSpec


def tree_flatten(tree, is_leaf=None):
    """Take a structure apart: (list of leaves, TreeSpec).

    Parameters
    ----------
    tree : Any
    is_leaf : callable, optional
        ``is_leaf(part)`` true makes the part a leaf.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_flatten({"a": 1, "b": [2, 3]})[0]
    [1, 2, 3]
    """
    if tree_is_leaf(tree, is_leaf):
        return [tree], _LEAF
    kind = _get_node_type(tree)
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    leaves, specs = [], []
    for child in children:
        found, spec = tree_flatten(child, is_leaf)
        leaves.extend(found)
        specs.append(spec)
    return leaves, TreeSpec(kind, context, specs)


def tree_unflatten(leaves, treespec):
    """The structure of a spec with given leaves.

    Parameters
    ----------
    leaves : iterable
    treespec : TreeSpec

    Raises
    ------
    TypeError
        `treespec` is no TreeSpec.
    ValueError
        The number of leaves is another.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_unflatten([10, 20], _pytree.tree_structure({"a": 1, "b": 2}))
    {'a': 10, 'b': 20}
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of PyTreeSpec but got "
                        f"item of type {type(treespec)}.")
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a "
                         f"pytree that holds {treespec.num_leaves} items ({treespec}).")
    rest = iter(leaves)

    def made(spec):
        if spec.type is None:
            return next(rest)
        return SUPPORTED_NODES[spec.type].unflatten_fn([made(child) for child in spec.children_specs], spec.context)
    return made(treespec)


def tree_iter(tree, is_leaf=None):
    """The leaves of a structure as an iterator.

    Parameters
    ----------
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> next(_pytree.tree_iter([1, [2]]))
    1
    """
    return iter(tree_flatten(tree, is_leaf)[0])


def tree_leaves(tree, is_leaf=None):
    """The list of leaves of a structure.

    Parameters
    ----------
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_leaves([1, (2, {"a": 3})])
    [1, 2, 3]
    """
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree, is_leaf=None):
    """The TreeSpec of a structure.

    Parameters
    ----------
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_structure([1, 2]) == _pytree.tree_structure([3, 4])
    True
    """
    return tree_flatten(tree, is_leaf)[1]


# ---- maps ----

def tree_map(func, tree, *rests, is_leaf=None):
    """A structure of ``func(leaf, ...)``, the further arguments from the same positions of other structures.

    Parameters
    ----------
    func : callable
    tree : Any
    *rests : Any
        Structures like `tree`, at least down to its leaves.
    is_leaf : callable, optional
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_map(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
    {'x': 11, 'y': [22]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    return tree_unflatten(map(func, leaves, *(spec.flatten_up_to(rest) for rest in rests)), spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """Call ``func(leaf, ...)`` for each leaf; returns `tree` itself.

    Parameters
    ----------
    func, tree, *rests, is_leaf
        As in `tree_map`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_map_(print, [1, [2]])
    1
    2
    [1, [2]]
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    for arguments in zip(leaves, *(spec.flatten_up_to(rest) for rest in rests)):
        func(*arguments)
    return tree


def tree_map_only(type_or_types_or_pred, func, tree, is_leaf=None):
    """`tree_map` of leaves of given types, or that a predicate selects; others stay.

    Parameters
    ----------
    type_or_types_or_pred : type, tuple of type or callable
    func, tree, is_leaf
        As in `tree_map`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_map_only(int, lambda n: -n, [1, "a", 2])
    [-1, 'a', -2]
    """
    wanted = _predicate(type_or_types_or_pred)
    return tree_map(lambda leaf: func(leaf) if wanted(leaf) else leaf, tree, is_leaf=is_leaf)


def _predicate(types):
    return (lambda leaf: isinstance(leaf, types)) if isinstance(types, (type, tuple)) else types


def tree_all(pred, tree, is_leaf=None):
    """Whether a predicate is true of all leaves.

    Parameters
    ----------
    pred : callable
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_all(lambda n: n > 0, [1, [2]])
    True
    """
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None):
    """Whether a predicate is true of some leaf.

    Parameters
    ----------
    pred : callable
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_any(lambda n: n > 1, [1, [2]])
    True
    """
    return any(map(pred, tree_iter(tree, is_leaf)))


# ---- with paths ----

def _with_paths(tree, path, is_leaf):
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    node = SUPPORTED_NODES[_get_node_type(tree)]
    if node.flatten_with_keys_fn is None:
        raise ValueError(f"Did not find a flatten_with_keys_fn for type: {node.type}. Please pass a "
                         f"flatten_with_keys_fn argument to register_pytree_node.")
    for key, child in node.flatten_with_keys_fn(tree)[0]:
        yield from _with_paths(child, (*path, key), is_leaf)


def tree_leaves_with_path(tree, is_leaf=None):
    """The list of (path, leaf); a path is a tuple of keys.

    Parameters
    ----------
    tree, is_leaf
        As in `tree_flatten`.

    Raises
    ------
    ValueError
        A class was registered without `flatten_with_keys_fn`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> [(_pytree.keystr(path), leaf) for path, leaf in _pytree.tree_leaves_with_path({"a": [1, 2]})]
    [("['a'][0]", 1), ("['a'][1]", 2)]
    """
    return list(_with_paths(tree, (), is_leaf))


def tree_flatten_with_path(tree, is_leaf=None):
    """Take a structure apart: (list of (path, leaf), TreeSpec).

    Parameters
    ----------
    tree, is_leaf
        As in `tree_flatten`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> found, spec = _pytree.tree_flatten_with_path([5])
    >>> found
    [((SequenceKey(idx=0),), 5)]
    """
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    """A structure of ``func(path, leaf, ...)``.

    Parameters
    ----------
    func, tree, *rests, is_leaf
        As in `tree_map`.

    Examples
    --------
    >>> from fastnn.utils import _pytree
    >>> _pytree.tree_map_with_path(lambda path, leaf: _pytree.keystr(path), {"a": [1, 2]})
    {'a': ["['a'][0]", "['a'][1]"]}
    """
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = (spec.flatten_up_to(rest) for rest in rests)
    return tree_unflatten([func(path, *leaves) for (path, first), *rest in zip(found, *others)
                           for leaves in [(first, *rest)]], spec)
