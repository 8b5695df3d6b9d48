"""Python types of what numpydoc docstrings say: ``int or tuple of ints, optional`` is ``int | Sequence[int]``."""
import re

SECTION = r"^{}\n-+\n(.*?)(?=^[A-Z]\w*(?: \w+)?\n-+\n|\Z)"
ENTRY = re.compile(r"([*\w]+(?:, [*\w]+)*) ?: ?(.*)")
# Words of docstrings -> names that make_stubs knows. None: anything.
WORDS = {
    "int": "int", "integer": "int", "float": "float", "number": "float", "bool": "bool", "str": "str", "bytes": "bytes",
    "None": "None", "self": "Self", "dtype": "dtype", "fastnn.dtype": "dtype", "type": "type[Any]",
    "dict": "dict[Any, Any]",
    "device": "device | str", "callable": "Callable[..., Any]", "path": "str | PathLike[str]", "ndarray": "ndarray",
    "numpy.ndarray": "ndarray", "Size": "Sequence[int]",
}
MANY = re.compile(r"(tuple|pair|triple|list|sequence|Sequence|iterable|iterables|lists|tuples) of (?:two |three )?(.+)")
RESULTS = {"list": "list[{}]", "lists": "list[{}]", "tuple": "tuple[{}, ...]", "tuples": "tuple[{}, ...]",
           "pair": "tuple[{0}, {0}]", "triple": "tuple[{0}, {0}, {0}]", "iterable": "Iterable[{}]"}


def section(text, *titles):
    """The lines of the first of these sections that a docstring has."""
    for title in titles:
        found = re.search(SECTION.format(title), text, re.DOTALL | re.MULTILINE)
        if found:
            return found[1].rstrip()
    return ""


def parameters(text, *titles):
    """{name: its type in words} of the section of that title."""
    found = {}
    for line in section(text, *titles).split("\n"):
        entry = ENTRY.fullmatch(line)
        if entry:
            for name in entry[1].split(", "):
                found[name.lstrip("*")] = entry[2]
    return found


def result(text):
    """The type in words of what is returned, "" if the docstring does not say."""
    lines = [line for line in section(text, "Returns", "Yields").split("\n") if line and not line.startswith(" ")]
    return lines[0] if len(lines) == 1 else ""


def alternatives(text):
    """Splits at "or" and commas that stand in no bracket."""
    found, depth = [""], 0
    for part in re.split(r"(, or |, | or |[(\[{}\])])", text):
        if part and part in "([{":
            depth += 1
        elif part and part in ")]}":
            depth -= 1
        if not depth and part in (", or ", ", ", " or "):
            found.append("")
        else:
            found[-1] += part
    return [part for part in map(str.strip, found) if part]


def parse(text, known, returned=False, any_tensor=False):
    """A type in names, None for anything.

    Parameters
    ----------
    text : str
        What the docstring says, without the name.
    known : callable
        ``known(name)`` tells whether a name that begins with a capital is a class.
    returned : bool
        Whether it is a result: a tuple is then a tuple, where a parameter may be any sequence.
    any_tensor : bool
        Whether arrays, numbers and other tensors pass where "tensor" stands.
    """
    text = re.sub(r"(, |^)(optional|default\b.*|in place|new|shapes? .*|like .*|its .*|each .*|as of .*)$", "", text)
    text = re.sub(r", (optional|shape \(.*?\)|default .*)$", "", text)
    text = re.sub(r"\b(Tensors?|tensors?|KerasTensor)\b( of (int\w*|bool|float\d+|integers)( or int32)?)?( \(.*?\))?",
                  r"\1", text)
    types = [one(part, known, returned, any_tensor) for part in alternatives(text)]
    if not types or None in types:
        return None
    return " | ".join(dict.fromkeys(types))


def one(text, known, returned, any_tensor):
    many = MANY.fullmatch(text)
    if many:
        inner = one(many[2].rstrip("s") if many[2] != "class" else many[2], known, returned, any_tensor)
        inner = "Any" if inner is None else inner
        if returned:
            return RESULTS.get(many[1], "Sequence[{}]").format(inner)
        return f"Iterable[{inner}]" if many[1].startswith("iterable") else f"Sequence[{inner}]"
    if re.fullmatch(r"\{.*\}", text):
        return " | ".join(dict.fromkeys(value(part.strip()) for part in text[1:-1].split(",")))
    if re.fullmatch(r"[\"'].*[\"']|-?\d+", text):
        return value(text)
    if text.startswith("(") and text.endswith(")"):
        inner = [one(part, known, returned, any_tensor) or "Any" for part in alternatives(text[1:-1])]
        if returned or all(part in ("float", "int") for part in inner):
            return f"tuple[{', '.join(inner) or '()'}]"
        return "Sequence[Any]"
    if text in ("tensor", "Tensor", "tensors", "Tensors") and not any_tensor:
        return "Tensor"
    if any_tensor and not returned and text in ("tuple", "list"):  # Keras' door takes numbers too
        return None
    if text in ("tuple", "list", "sequence"):
        return {"tuple": "tuple[Any, ...]", "list": "list[Any]"}.get(text) if returned else "Sequence[Any]"
    if text == "iterable":
        return "Iterable[Any]"
    if returned and text in ("device", "Size"):
        return text
    if text == "Dataset" and not returned and not any_tensor:
        return "Dataset[Any] | Sequence[Any]"
    if text in WORDS:
        return WORDS[text]
    return text if re.fullmatch(r"[A-Z]\w+", text) and known(text) and not (any_tensor and "Tensor" in text) else None


def value(text):
    """The type of a value that a docstring names."""
    return "str" if text[:1] in "\"'" else "None" if text == "None" else "bool" if text in ("True", "False") else \
        "int" if re.fullmatch(r"-?\d+", text) else "float" if re.fullmatch(r"-?[\d.]+", text) else "Any"
