"""Where programs find a function: declared at the function, once.

``@operation("fastnn Tensor linalg", inplace=True, out=True, aliases="arccos")`` stands above a function of any module
of `ops` and changes nothing about it. What programs call is made of the declarations by `fastnn.ops.functions`.
"""
HOMES = {"fastnn": {}, "Tensor": {}, "functional": {}, "nn": {}, "linalg": {},
         "special": {}, "fft": {}}  # {home: {name: Declaration}}


class Declaration:
    """A public name's function, and what is declared of it."""

    __slots__ = ("function", "inplace", "keywords", "out", "scaled")

    def __init__(self, function, inplace, keywords, out, scaled):
        self.function, self.inplace, self.keywords, self.out, self.scaled = function, inplace, keywords, out, scaled


def operation(homes="fastnn Tensor", *, aliases="", inplace=False, out=False, keywords=None, scaled=False):
    """A decorator that declares a function's public names, or those of several functions that have the same.

    Parameters
    ----------
    homes : str
        Homes: ``fastnn``, ``Tensor`` (a method, whose first parameter is the tensor; a property stays one), ``linalg``,
        ``special``, ``fft``, ``functional`` (what takes NumPy's names in nn.functional) and ``nn`` (nn.functional's
        others, as they are). A name behind a dot is instead of the function's own: ``"linalg fastnn.inverse"``.
    aliases : str or dict
        Further names where the function has its own, and of the in-place form; as a dict, with their keywords.
    inplace : bool, "view" or callable
        Whether there is a method ``name_``; "view": which changes the tensor's own shape and strides; a callable makes
        the method of the name and the function.
    out : bool or str
        Whether the functions (not methods) take ``out=`` without taking it themselves, or the one home where they do.
    keywords : dict, optional
        Keywords beyond the function's own and NumPy's: {keyword: the function's own}.
    scaled : bool
        Whether ``alpha``, ``beta`` and ``value`` may stand among the tensors, in PyTorch's old order.
    """
    def declare(*functions):
        for function in functions:
            own = getattr(function, "__name__", None)
            others = aliases if isinstance(aliases, dict) else dict.fromkeys(aliases.split(), keywords)
            names = {own: keywords, **others}
            for place in homes.split():
                home, _, other = place.partition(".")
                taken = home not in ("Tensor", "functional") and out in (True, home)
                for name, known in ({other: keywords} if other else names).items():
                    add(home, name, function, False, known, taken, scaled)
            if inplace:
                for name, known in names.items():
                    add("Tensor", f"{name}_", function, inplace, known, False, scaled)
        return functions[0]
    return declare


def add(home, name, *declared):
    if name in HOMES[home]:
        raise ValueError(f"{home}.{name} is declared twice")
    HOMES[home][name] = Declaration(*declared)
