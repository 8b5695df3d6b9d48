"""Nested lists, tuples and dicts of things. Dicts are walked in the order of their keys, as Keras does."""


def is_nested(structure):
    """Whether an object is a list, tuple or dict.

    Parameters
    ----------
    structure : object

    Returns
    -------
    bool

    Examples
    --------
    >>> keras.tree.is_nested([1]), keras.tree.is_nested(1)
    (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def _keys(mapping):
    try:
        return sorted(mapping)
    except TypeError:
        return list(mapping)


def flatten(structure):
    """Leaves of a structure; dicts in the order of their keys.

    Parameters
    ----------
    structure : nested lists, tuples and dicts

    Returns
    -------
    list

    Examples
    --------
    >>> keras.tree.flatten({"b": 3, "a": [1, (2,)]})
    [1, 2, 3]
    """
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    if isinstance(structure, dict):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    return [structure]


def flatten_with_path(structure, path=()):
    """Pairs of a path, a tuple of keys and positions, and a leaf.

    Parameters
    ----------
    structure : nested lists, tuples and dicts
    path : tuple
        What paths begin with.

    Returns
    -------
    list of (tuple, leaf)

    Examples
    --------
    >>> keras.tree.flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    if isinstance(structure, (list, tuple)):
        return [pair for i, item in enumerate(structure) for pair in flatten_with_path(item, (*path, i))]
    if isinstance(structure, dict):
        return [pair for key in _keys(structure) for pair in flatten_with_path(structure[key], (*path, key))]
    return [(path, structure)]


def _like(structure, items):
    if hasattr(structure, "_fields"):
        return type(structure)(*items)
    return type(structure)(items)


def map_structure(function, structure, *others):
    """Structure of ``function(leaf, leaves of the others)``.

    Parameters
    ----------
    function : callable
    structure, *others : nested lists, tuples and dicts
        Of the same nesting.

    Returns
    -------
    structure

    Raises
    ------
    ValueError
        The structures differ.

    Examples
    --------
    >>> keras.tree.map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
    {'x': [11, 22]}
    """
    if isinstance(structure, (list, tuple)):
        for other in others:
            if not isinstance(other, (list, tuple)) or len(other) != len(structure):
                raise ValueError(f"The structures differ: {structure} and {other}")
        return _like(structure, [map_structure(function, *items) for items in zip(structure, *others)])
    if isinstance(structure, dict):
        for other in others:
            if not isinstance(other, dict) or set(other) != set(structure):
                raise ValueError(f"The structures differ: {structure} and {other}")
        return type(structure)((key, map_structure(function, structure[key], *(other[key] for other in others)))
                               for key in structure)
    return function(structure, *others)


def assert_same_structure(a, b, check_types=True):
    """Checks that two structures are nested alike.

    Parameters
    ----------
    a, b : nested lists, tuples and dicts
    check_types : bool
        Whether lists differ from tuples.

    Raises
    ------
    ValueError
        They are not.

    Examples
    --------
    >>> keras.tree.assert_same_structure([1, (2,)], [3, (4,)])
    """
    def same(a, b):
        if isinstance(a, (list, tuple)):
            return (isinstance(b, (list, tuple))
                    and (not check_types or isinstance(b, type(a)) or isinstance(a, type(b)))
                    and len(a) == len(b) and all(map(same, a, b)))
        if isinstance(a, dict):
            return isinstance(b, dict) and set(a) == set(b) and all(same(a[key], b[key]) for key in a)
        return not is_nested(b)
    if not same(a, b):
        raise ValueError(f"`a` and `b` don't have the same structure: {a} and {b}")


def pack_sequence_as(structure, flat):
    """The inverse of `flatten`: leaves in the form of a structure.

    Parameters
    ----------
    structure : nested lists, tuples and dicts
    flat : iterable

    Returns
    -------
    structure

    Raises
    ------
    ValueError
        The numbers of leaves differ.

    Examples
    --------
    >>> keras.tree.pack_sequence_as({"a": [0, 0], "b": 0}, [1, 2, 3])
    {'a': [1, 2], 'b': 3}
    """
    flat = list(flat)
    if len(flatten(structure)) != len(flat):
        raise ValueError(f"Incorrect number of leaves: expected {len(flatten(structure))}, got {len(flat)}")
    rest = iter(flat)

    def fill(structure):
        if isinstance(structure, (list, tuple)):
            return _like(structure, [fill(item) for item in structure])
        if isinstance(structure, dict):
            filled = {key: fill(structure[key]) for key in _keys(structure)}
            return type(structure)((key, filled[key]) for key in structure)
        return next(rest)
    return fill(structure)


def lists_to_tuples(structure):
    """The structure with tuples instead of lists.

    Parameters
    ----------
    structure : nested lists, tuples and dicts

    Returns
    -------
    tuple, dict or leaf

    Examples
    --------
    >>> keras.tree.lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    if isinstance(structure, (list, tuple)):
        return tuple(lists_to_tuples(item) for item in structure)
    if isinstance(structure, dict):
        return {key: lists_to_tuples(value) for key, value in structure.items()}
    return structure


def map_shape_structure(function, structure):
    """`map_structure` whose leaves are shapes: tuples and lists of int and None.

    Parameters
    ----------
    function : callable
    structure : nested lists, tuples and dicts of shapes

    Returns
    -------
    structure

    Raises
    ------
    ValueError
        Something else than shapes.

    Examples
    --------
    >>> keras.tree.map_shape_structure(len, {"a": (None, 3), "b": (2,)})
    {'a': 2, 'b': 1}
    """
    if is_shape(structure):
        return function(tuple(structure))
    if isinstance(structure, (list, tuple)):
        return _like(structure, [map_shape_structure(function, item) for item in structure])
    if isinstance(structure, dict):
        return {key: map_shape_structure(function, value) for key, value in structure.items()}
    raise ValueError(f"Expected shapes, got {structure}")


def is_shape(value):
    """Whether an object is a tuple or list of int and None.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool

    Examples
    --------
    >>> keras.tree.is_shape((None, 3)), keras.tree.is_shape([(1,)])
    (True, False)
    """
    return isinstance(value, (tuple, list)) and all(item is None or isinstance(item, int) for item in value)


class MAP_TO_NONE:
    """What a function of `traverse` gives to put None instead of a part.

    Examples
    --------
    >>> keras.tree.traverse(lambda x: keras.tree.MAP_TO_NONE if x == 2 else None, [1, 2])
    [1, None]
    """


def _traverse_children(function, structure, top_down):
    if isinstance(structure, (list, tuple)):
        return _like(structure, [traverse(function, item, top_down) for item in structure])
    if isinstance(structure, dict):
        found = {key: traverse(function, structure[key], top_down) for key in _keys(structure)}
        return type(structure)((key, found[key]) for key in structure)
    return structure


def traverse(func, structure, top_down=True):
    """Replaces parts of a structure by what a function gives for them; where it gives None, its parts are visited.

    Parameters
    ----------
    func : callable
        Gets the whole, then its parts (`top_down`), or the parts, then the whole. `MAP_TO_NONE` stands for None.
    structure : nested lists, tuples and dicts
    top_down : bool

    Returns
    -------
    structure

    Raises
    ------
    TypeError
        `func` is not callable.

    Examples
    --------
    >>> keras.tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2, 3]], top_down=False)
    (1, (2, 3))
    """
    if not callable(func):
        raise TypeError(f"`func` must be callable, got {func} of type {type(func)}")
    if top_down:
        made = func(structure)
        if made is None:
            return _traverse_children(func, structure, top_down)
    else:
        structure = _traverse_children(func, structure, top_down)
        made = func(structure)
        if made is None:
            return structure
    return None if made is MAP_TO_NONE else made


def map_structure_up_to(shallow_structure, func, *structures):
    """`map_structure` that goes no deeper than `shallow_structure`.

    Parameters
    ----------
    shallow_structure : nested lists, tuples and dicts
    func : callable
    *structures
        Nested at least as deep.

    Returns
    -------
    structure

    Examples
    --------
    >>> keras.tree.map_structure_up_to([None, None], len, [[1, 1], [2]])
    [2, 1]
    """
    if not structures:
        raise ValueError("Must provide at least one structure")

    def call(_, *parts):
        return func(*parts)
    return map_structure(call, shallow_structure, *structures)


def assert_same_paths(a, b):
    """Checks that the same keys and positions lead to the leaves of two structures.

    Parameters
    ----------
    a, b : nested lists, tuples and dicts

    Raises
    ------
    ValueError
        They do not.

    Examples
    --------
    >>> keras.tree.assert_same_paths({"x": 1}, {"x": 2})
    """
    paths_a, paths_b = ({path for path, _ in flatten_with_path(each)} for each in (a, b))
    if paths_a != paths_b:
        text = "`a` and `b` don't have the same paths."
        for here, there, missing in (("a", "b", paths_a - paths_b), ("b", "a", paths_b - paths_a)):
            text += f"\nPaths in `{here}` missing in `{there}`:\n{missing}" if missing else ""
        raise ValueError(text)
