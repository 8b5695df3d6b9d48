"""Writes the type stubs of fastnn: python tools/make_stubs.py <folder of the built package> [<folder to write to>].

setup.py runs it after a build; the stubs (.pyi) stand beside the modules and are not kept in git. Everything in them is
read off the package: names and signatures off the objects, types off annotations where there are any, else off the
docstrings' sections of parameters, attributes and results, else off default values and off what the source returns.
"""
import ast
import builtins
import collections
import enum
import importlib
import inspect
import math
import os
import re
import sys
import types
import typing
import warnings

import docstring_types
from source_types import Sources

# What programs import from; a thing stands in the first of these that has it under its own name. Other modules have no
# stubs: their names are found here.
PUBLIC = """
_tape _operators _tensor dtypes random errors nn nn.functional nn.init nn.parallel nn.parameter nn.utils nn.utils.rnn
nn.utils.parametrize nn.utils.parametrizations optim optim.lr_scheduler optim.swa_utils utils utils.data utils.hooks
autograd autograd.function autograd.functional autograd.graph func linalg special fft signal signal.windows config
serialization models vision
vision.datasets vision.transforms vision.transforms.functional vision.utils distributions distributions.constraints
distributions.transforms distributions.kl distributed explain explain.lrp onnx kernels dropin compat compat.amp
compat.backends compat.cuda
keras keras.layers keras.models keras.losses keras.metrics keras.optimizers keras.optimizers.schedules keras.callbacks
keras.activations keras.initializers keras.regularizers keras.constraints keras.ops keras.random keras.utils
keras.saving keras.config keras.preprocessing
""".split()
# Namespaces whose sources say enough.
UNTYPED = """
nn.utils.stateless nn.parallel.scatter_gather keras.datasets keras.applications keras.distribution keras.quantizers
keras.wrappers keras.backend keras.tree keras.preprocessing.image keras.preprocessing.sequence keras.mixed_precision
keras.dtype_policies keras.legacy keras.ops.image compat.accelerator compat.compiler compat.futures compat.fx compat.jit
compat.mps compat.multiprocessing compat.onnx compat.version compat.xpu
""".split()
# Names that annotations and docstring_types use -> where they come from.
HOMES = {
    **dict.fromkeys("Callable Iterable Iterator Sequence Mapping Generator".split(), "collections.abc"),
    **dict.fromkeys("Any Self NamedTuple Generic overload".split(), "typing"),
    "AbstractContextManager": "contextlib", "ndarray": "numpy", "PathLike": "os",
    "Tensor": "fastnn._tensor", "Generator": "fastnn.random",
    "dtype": "fastnn.dtypes", "device": "fastnn.dtypes", "Size": "fastnn.dtypes",
    "Parameter": "fastnn.nn.parameter", "Module": "fastnn.nn.modules.module", "Optimizer": "fastnn.optim.optimizer",
}
# What Python's protocols return.
PROTOCOL = {"__init__": "None", "__len__": "int", "__bool__": "bool", "__int__": "int", "__float__": "float",
            "__index__": "int", "__complex__": "complex", "__contains__": "bool", "__repr__": "str", "__str__": "str",
            "__format__": "str", "__hash__": "int", "__setitem__": "None", "__delitem__": "None", "__setattr__": "None",
            "__delattr__": "None", "__array__": "ndarray", "__enter__": "Self", "__setstate__": "None",
            "__dir__": "list[str]"}
# Methods that each layer of Keras overrides, and programs do not call themselves.
KERAS_PROTOCOL = ("call", "build", "compute_output_shape", "compute_mask", "get_config", "from_config", "add_weight")
# What every object has.
NOT_WRITTEN = {"__repr__", "__str__", "__setattr__", "__delattr__", "__dir__", "__format__", "__setstate__",
               "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__slots__", "__new__",
               "__parameters__", "__orig_bases__", "__abstractmethods__", "__firstlineno__", "__static_attributes__",
               "__reduce_cython__", "__setstate_cython__", "__pyx_vtable__", "__match_args__", "__getattribute__",
               "__reduce__", "__reduce_ex__", "__getstate__", "__del__", "__init_subclass__", "__subclasshook__",
               "__class_getitem__", "__sizeof__", "__copy__", "__deepcopy__", "__replace__", "__getnewargs__"}


def load(name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:  # of an extra
        return None


class Stub:
    """The stub of one module."""

    def __init__(self, module, package):
        self.module, self.name, self.package = module, module.__name__, package
        self.keras = self.name.startswith("fastnn.keras")
        self.overrides = False
        self.imports, self.lines = {}, []  # {name as written: (module, name, exported)}
        self.members = package.members[self.name]
        self.taken = set(self.members)
        for name, value in self.members.items():
            if inspect.isclass(value) and self.is_home(name, value):
                self.taken.update(*(vars(base) for base in package.flat(value)), package.assigned(value))

    def is_home(self, name, value):
        return self.package.homes.get(id(value)) == (self.name, name)

    # ---- names ----

    def ref(self, name):
        """How a type's name is written in this stub; imports it if need be."""
        if name in ("None", "..."):
            return name
        if HOMES.get(name, "fastnn").startswith("fastnn"):
            cls = self.known(name)
            if cls is not None:
                return self.ref_class(cls)
            if not hasattr(builtins, name):
                return self.ref("Any")
        if name in HOMES:
            return self.use(HOMES[name], name)
        return self.use("builtins", name) if name in self.taken else name

    def use(self, home, name):
        written = f"_{name}" if name in self.taken and not name.startswith("_") else name
        self.imports.setdefault(written, (home, name, False))
        if self.imports[written][:2] != (home, name):  # two classes of one name
            written = f"_{home.rpartition('.')[2].lstrip('_')}_{name}"
            self.imports[written] = home, name, False
        return written

    def ref_class(self, cls):
        if cls.__module__ == "builtins":
            return self.ref(cls.__name__)
        home = self.package.home_of(cls)
        if home is None:
            return self.ref("Any")
        if home[0] == self.name:
            return self.use(*home) if any(home[1] in vars(value) for value in self.members.values()
                                          if inspect.isclass(value)) else home[1]
        return self.use(*home)

    def known(self, name):
        """The class of this name, None if there is none or there are several."""
        return self.package.classes["keras" if self.keras else "torch"].get(name)

    def written(self, text, names=None):
        """A type in names, as this stub writes it; `names`: classes that are not known by name alone."""
        text = re.sub(r"\b(np|dtypes)\.", "", text)
        tree = ast.parse(re.sub(r"\bndarray\b(?!\[)", "ndarray[Any, Any]", text), mode="eval")
        filled = [node.value for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found = (names or {}).get(node.id) or self.known(node.id)
                generic = inspect.isclass(found) and getattr(found, "__parameters__", ()) and node not in filled
                node.id = self.annotation(found) if isinstance(found, typing.TypeVar) else self.ref_class(found) \
                    if inspect.isclass(found) else self.ref(node.id)
                if generic:
                    node.id += f"[{self.ref('Any')}]"
        return ast.unparse(tree)

    # ---- types ----

    def said(self, text, returned=False):
        """The written type of a docstring's words, None for anything."""
        found = docstring_types.parse(text, self.known, returned, self.keras) if text else None
        return self.written(found) if found else None

    def annotation(self, given, function=None):
        if isinstance(given, str):
            return self.written(given, vars(sys.modules.get(inspect.unwrap(function).__module__, types)))
        if isinstance(given, typing.TypeVar):
            self.imports.setdefault(given.__name__, ("typing", given, False))
            return given.__name__
        if given in (None, type(None), ...):
            return "..." if given is ... else "None"
        inner = [self.annotation(one, function) for one in typing.get_args(given)]
        if isinstance(given, types.UnionType):
            return " | ".join(inner)
        if given is tuple:
            inner = [self.ref("Any"), "..."]
        origin = typing.get_origin(given) or given
        written = self.ref_class(origin) if inspect.isclass(origin) else self.ref("Any")
        return written + (f"[{', '.join(inner)}]" if inner else "")

    def parameter(self, found, words, function=None):
        """A parameter's type."""
        if found.annotation is not found.empty:
            return self.annotation(found.annotation, function)
        said, default, any_type = words.get(found.name), found.default, self.ref("Any")
        typed = self.said(said)
        if found.kind is found.VAR_POSITIONAL and typed in (self.ref("int"), self.ref("Tensor")):
            return f"{typed} | {self.ref('Sequence')}[{typed}]"
        if typed is None and isinstance(default, bool):
            typed = self.ref("bool")
        if typed is None:
            return any_type
        optional = default is None or self.keras and said is not None and said.endswith(", optional")
        none = optional and "None" not in typed.split(" | ") and typed != any_type
        return f"{typed} | None" if none else typed

    def default(self, value):
        plain = type(value) in (bool, int, type(None)) or type(value) is float and math.isfinite(value) \
            or type(value) is str and len(value) < 20
        return repr(value) if plain else "..."

    def arguments(self, signature, words, first, function):
        """The parameters between the brackets; `first`: what stands in place of the first one."""
        parts, found = [], list(signature.parameters.values())
        star = any(one.kind is one.VAR_POSITIONAL for one in found)
        for i, one in enumerate(found):
            if i == 0 and first:
                parts.append(first)
                if one.kind is not one.VAR_POSITIONAL:
                    continue
            if one.kind is one.KEYWORD_ONLY and not star:
                star = True
                parts.append("*")
            mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
            text = f"{mark}{one.name}: {self.parameter(one, words, function)}"
            parts.append(text + (f" = {self.default(one.default)}" if one.default is not one.empty else ""))
            if one.kind is one.POSITIONAL_ONLY and (i + 1 == len(found) or found[i + 1].kind is not one.kind):
                parts.append("/")
        return ", ".join(parts)

    def result(self, function, name, text, signature, declared):
        if signature is not None and signature.return_annotation is not inspect.Signature.empty:
            return self.annotation(signature.return_annotation, function)
        if self.name == "fastnn._operators":
            if name == "__iter__":
                return self.written("Iterator[Tensor]")
            if name.startswith("__i") and name.replace("__i", "__", 1) in dir(self.module.Operators):
                return self.ref("Self")
        if name in PROTOCOL:
            return self.written(PROTOCOL[name])
        if self.name == "fastnn._tensor" and name.endswith("_") and not name.endswith("__"):
            return self.ref("Self")
        words = docstring_types.result(text)
        if words:
            said = self.said(words, True) or self.ref("Any")  # what depends on arguments is for them to know
            return said if "|" not in said or said.endswith("None") and not self.keras else self.ref("Any")
        if declared and not name.startswith("__") or self.name == "fastnn._operators":
            return self.ref("Tensor")
        if "contextlib" in getattr(getattr(function, "__code__", None), "co_filename", ""):
            return self.written("AbstractContextManager[Any]")
        found = self.package.sources.result(function)
        return self.written(found) if found else self.ref("Any")

    # ---- statements ----

    def words_of(self, name, function, method):
        """{parameter: what docstrings say of its type}: its own, or those of the function that it is a form of."""
        words = docstring_types.parameters(inspect.getdoc(function) or "", "Parameters", "Other Parameters")
        if not words and name.endswith("_") and not name.endswith("__"):
            other = self.package.declared.get(name[:-1])
            words = self.words_of(name[:-1], other, method) if other else {}
        for parameter, text in words.items():
            same = re.match(r"as of ``(\w+)``", text)
            if same and same[1] in self.package.declared:
                words[parameter] = self.words_of(same[1], self.package.declared[same[1]], method).get(parameter, "")
        return words

    def function(self, name, function, indent="", method=False, words=None, decorator=None):
        plain, first = function, ""
        if isinstance(function, (staticmethod, classmethod)):
            plain, decorator = function.__func__, type(function).__name__
        declared = type(function).__name__ == "Function" or self.package.is_declared(function)
        try:
            signature = inspect.signature(plain)
        except (TypeError, ValueError):
            signature = None
        words = {**(words or {}), **self.words_of(name, plain, method)}
        if method and decorator != "staticmethod":
            first = "cls" if decorator == "classmethod" or name == "__new__" else "self"
        if signature is None or first and not signature.parameters:
            given = ", ".join([*filter(None, [first]), f"*args: {self.ref('Any')}", f"**kwargs: {self.ref('Any')}"])
        else:
            given = self.arguments(signature, words, first, plain)
        if name == "forward" and method and given.startswith("self, *input") and "**" not in given:
            given += f", **kwargs: {self.ref('Any')}"  # for subclasses to define
        start = f"{indent}@{self.ref(decorator)}\n" if decorator else ""
        result = self.result(plain, name, inspect.getdoc(plain) or "", signature, declared)
        both = result.split(" | ") if signature and signature.return_annotation is not signature.empty else ()
        found = re.search(r"dim: [^=]*= None", given)
        if len(both) == 2 and found:  # one without a dimension, and with a tensor in its place; the other along it
            start += f"{indent}@{self.ref('overload')}\n"
            before, after = given[:found.start()], given[found.end():]
            forms = [(f"None = None{after}", both[0]), (self.ref("int") + after, both[1])]
            if self.ref("Tensor") in found[0]:
                forms.append((self.ref("Tensor"), both[0]))
            return "".join(f"{start}{indent}def {name}({before}dim: {form}) -> {result}: ...\n"
                           for form, result in forms)
        return f"{start}{indent}def {name}({given}) -> {result}: ...\n"

    def attribute(self, cls, name, value, described, assigned):
        """The type of an attribute that is no method."""
        words = described.get(name)
        typed = self.said(words, True)
        if typed:
            if self.ref("Parameter") in typed.split(" | ") and not self.keras:  # None only where it was not wanted
                typed = " | ".join(part for part in typed.split(" | ") if part != "None")
            return f"{typed} | None" if "optional" in words and "None" not in typed else typed
        if isinstance(value, property):
            return self.result(value.fget, name, inspect.getdoc(value.fget) or "", inspect.signature(value.fget), False)
        if assigned:
            found = {self.assigned_type(cls, *one) for one in assigned}
            found -= {"None"} if len(found) > 1 else set()
            return found.pop() if len(found) == 1 else self.ref("Any")
        unknown = value is None or isinstance(value, types.GetSetDescriptorType)
        return self.ref("Any") if unknown else self.value_type(value)

    def assigned_type(self, cls, value, method, module):
        if value in ("register_buffer", "register_parameter"):
            return self.ref("Tensor") if value == "register_buffer" else "None"
        if isinstance(value, ast.Name) and method == "__init__":
            found = inspect.signature(cls.__init__).parameters.get(value.id)
            if found is not None and found.kind not in (found.VAR_POSITIONAL, found.VAR_KEYWORD):
                return self.parameter(found, self.class_words(cls), cls.__init__)
        if isinstance(value, ast.Constant) and value.value is None:
            return "None"
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            found = getattr(sys.modules[module], value.func.id, None)
            if inspect.isclass(found) and found.__module__.startswith("fastnn"):
                return self.ref_class(found)
        return self.ref("Any")

    def value_type(self, value):
        kind = type(value)
        if value is None:
            return "None"
        if kind in (bool, int, float, str, bytes):
            return self.ref(kind.__name__)
        if kind in (dict, list, tuple, set, frozenset):
            inner = {dict: "{0}, {0}", tuple: "{0}, ..."}.get(kind, "{0}").format(self.ref("Any"))
            return f"{self.ref(kind.__name__)}[{inner}]"
        for base in kind.__mro__[:-1]:
            if self.package.homes.get(id(base)):
                return self.ref_class(base)
        return self.ref("Any")

    def class_words(self, cls):
        words = {}
        for base in reversed(cls.__mro__):
            if base.__module__.startswith("fastnn") and isinstance(base.__doc__, str):
                words.update(docstring_types.parameters(inspect.cleandoc(base.__doc__), "Parameters"))
        return words

    def bases(self, cls):
        """The base classes as written; one that has no stub gives way to its own bases (and `flat` to its members)."""
        if self.package.makes_tensors(cls):
            return [self.ref("Handle" if cls.__name__ == "RemovableHandle" else "Tensor")]
        found, given = [], vars(cls).get("__orig_bases__", cls.__bases__)
        for base in given:
            origin, inner = typing.get_origin(base) or base, typing.get_args(base)
            if origin is object or origin is typing.Generic and not inner or origin.__module__ == "abc":
                continue
            if origin.__module__.startswith("fastnn"):
                if self.package.home_of(origin) is None:
                    found += [one for one in self.bases(origin) if one not in found]
                    continue
                name = self.ref_class(origin)
            else:
                name = self.use("typing" if origin is typing.Generic else origin.__module__, origin.__name__) \
                    if origin.__module__ != "builtins" else self.ref(origin.__name__)
            count = {dict: 2, list: 1, tuple: 1, set: 1, collections.OrderedDict: 2, collections.abc.Iterable: 1}.get(
                origin, len(getattr(origin, "__parameters__", ())))
            if count and not inner:
                inner = (typing.Any,) * count
            if origin is tuple and inner == (typing.Any,):
                inner = typing.Any, ...
            found.append(name + (f"[{', '.join(map(self.annotation, inner))}]" if inner else ""))
        return found

    def klass(self, name, cls, indent=""):
        inner, lines, own, parts = indent + "    ", [], {}, {}
        for base in reversed(self.package.flat(cls)):
            own.update(vars(base))
        named = ()
        if cls.__name__.endswith("_result"):  # tuples of tensors with names
            named = getattr(cls, "names", None) or [part for part, value in own.items() if isinstance(value, property)]
            described, own = dict.fromkeys(named, "Tensor"), dict.fromkeys(named)
        fields = getattr(cls, "_fields", ()) if issubclass(cls, tuple) else ()
        bases = [self.ref("NamedTuple")] if fields else self.bases(cls)
        if named:
            bases = [f"{self.ref('tuple')}[{', '.join([self.ref('Tensor')] * len(named))}]"]
        words, assigned = self.class_words(cls), self.package.assigned(cls)
        if not named:
            described = docstring_types.parameters(inspect.cleandoc(cls.__doc__), "Attributes") \
                if isinstance(cls.__doc__, str) else {}
        hidden = set(dir(tuple)) if fields else set(dir(enum.Enum)) if issubclass(cls, enum.Enum) else set()
        lines += [f"{inner}{field}: {self.said(described.get(field) or words.get(field), True) or self.ref('Any')}\n"
                  for field in fields]
        for part in sorted({*own, *assigned, *described}):
            value = own.get(part)
            if part == "__getattr__" and cls.__name__ == "Tensor":  # it serves what programs add; else no slip is seen
                continue
            if part in NOT_WRITTEN and (part, name) != ("__setattr__", "Module") or part in fields or part in hidden:
                continue
            if part.startswith("_") and not part.endswith("__") or not part.isidentifier():
                continue
            if issubclass(cls, enum.Enum) and part in cls.__members__:
                parts[part] = f"{inner}{part} = {cls.__members__[part].value!r}\n"
            elif issubclass(cls, enum.Enum) and part not in own:
                continue
            elif isinstance(value, property) or type(value).__name__ == "cached_property":
                parts[part] = self.property(cls, part, value, described, inner)
            elif inspect.isclass(value) and value.__qualname__ == f"{cls.__qualname__}.{part}":
                parts[part] = self.klass(part, value, inner)
            elif value is not None and not inspect.isclass(value) and not self.package.is_instance(value) \
                    and (callable(value) or isinstance(value, (staticmethod, classmethod))):
                parts[part] = self.function(part, value, inner, True, words if part == "__init__" else None)
            elif not part.startswith("__") and (
                    part in own or part in described or not self.package.inherited(cls, part)):
                parts[part] = f"{inner}{part}: {self.attribute(cls, part, value, described, assigned.get(part))}\n"
        if "__init__" not in own and isinstance(own.get("__new__"), staticmethod) and not fields \
                and not issubclass(cls, enum.Enum) and not self.package.makes_tensors(cls):
            made = self.function("__new__", own["__new__"].__func__, inner, True, words)
            lines.insert(0, f"{made.rpartition(' -> ')[0]} -> {self.ref('Self')}: ...\n")
        elif self.package.makes_tensors(cls) and "__init__" not in own:
            lines.insert(0, f"{inner}def __init__(self, *args: {self.ref('Any')}, **kwargs: {self.ref('Any')}) "
                            f"-> None: ...\n")
        self.package.parts[cls] = parts
        known = {part: text for base in reversed(cls.__mro__[1:])
                 for part, text in self.package.parts.get(base, {}).items()}
        if self.keras and name == "Layer":  # programs ask the layers of a model for what subclasses set
            parts["__getattr__"] = f"{inner}def __getattr__(self, name: {self.ref('str')}) -> {self.ref('Any')}: ...\n"
        lines += [text for part, text in parts.items() if known.get(part) != text
                  and not (self.keras and part in known and part in KERAS_PROTOCOL)]
        head = f"({', '.join(bases)})" if bases else ""
        self.overrides |= bool(bases)
        return f"{indent}class {name}{head}:{'' if lines else ' ...'}\n" + "".join(lines)

    def property(self, cls, name, value, described, indent):
        typed = self.attribute(cls, name, value if isinstance(value, property) else property(value.func), described, ())
        text = f"{indent}@{self.ref('property')}\n{indent}def {name}(self) -> {typed}: ...\n"
        if getattr(value, "fset", None):
            text += f"{indent}@{name}.setter\n{indent}def {name}(self, value: {self.ref('Any')}) -> None: ...\n"
        return text

    def member(self, name, value):
        home = self.package.homes.get(id(value))
        if inspect.ismodule(value):
            parent, _, last = value.__name__.rpartition(".")
            self.imports[name] = "." if parent == self.name else parent, last, True
        elif home and home != (self.name, name) and home[0] != self.name:
            self.imports[name] = *home, True
        elif inspect.isclass(value):
            self.lines.append(self.klass(name, value) if home == (self.name, name) else f"{name} = {home[1]}\n" if home
                              else f"{name}: {self.ref('Any')}\n")
        elif callable(value) and not self.package.is_instance(value):
            self.lines.append(self.function(name, value))
        else:
            self.lines.append(f"{name}: {self.value_type(value)}\n")

    def text(self):
        for name, value in sorted(self.members.items(), key=lambda one: len(getattr(one[1], "__mro__", ()))):
            self.member(name, value)
        by_home, variables = {}, []
        for written, (home, name, exported) in sorted(self.imports.items()):
            if isinstance(name, typing.TypeVar):
                variables.append(f'{written} = {self.use("typing", "TypeVar")}("{written}"'
                                 f'{", covariant=True" if name.__covariant__ else ""})\n')
                by_home.setdefault("typing", []).append("TypeVar")
            elif home == self.name and name != written:
                variables.append(f"{written} = {name}\n")
            elif home != self.name:
                by_home.setdefault(home, []).append(f"{name} as {written}" if exported or name != written else name)
        lines = [f"from {home} import {', '.join(sorted(set(names)))}\n" for home, names in sorted(by_home.items())]
        head = '# mypy: disable-error-code="override,misc,assignment"\n' if self.overrides else ""
        return head + "".join([*lines, *variables, *self.lines])


class Package:
    """The modules of fastnn that get stubs, and what their stubs need to know of each other."""

    def __init__(self):
        self.sources, self.flats, self.members, self.homes, self.parts = Sources(), {}, {}, {}, {}
        self.untyped = [f"fastnn.{name}" for name in UNTYPED]
        names = dict.fromkeys([*(f"fastnn.{name}" for name in PUBLIC), "fastnn"])
        self.modules = {name: module for name, module in ((name, load(name)) for name in names) if module is not None}
        tables = sys.modules["fastnn.ops.declare"].HOMES
        self.declared = {name: one.function for home in reversed(tables.values()) for name, one in home.items()}
        self.declared_ids = {id(inspect.unwrap(one)) for one in self.declared.values()}
        for name, module in self.modules.items():
            self.members[name] = self.public(module)
            for own, value in self.members[name].items():
                if (inspect.isclass(value) or inspect.isroutine(value) or type(value).__name__ == "Function") \
                        and getattr(value, "__name__", None) == own:
                    at = self.module_of(value)
                    if at == name or at not in self.modules:
                        self.homes.setdefault(id(value), (name, own))
        self.classes = {"torch": {}, "keras": {}}
        for name, members in self.members.items():
            door = self.classes["keras" if name.startswith("fastnn.keras") else "torch"]
            for own, value in members.items():
                if inspect.isclass(value) and self.homes.get(id(value), ("", ""))[1] == own:
                    door[own] = value if door.get(own, value) is value else None
        for name, home in HOMES.items():
            if home.startswith("fastnn"):
                self.classes["torch"][name] = getattr(sys.modules[home], name)
        for name in ("RemovableHandle", "dtype", "Size", "Tensor"):
            self.classes["keras"].setdefault(name, self.classes["torch"][name])

    def module_of(self, value):
        return getattr(value, "home", None) or getattr(value, "__module__", None)

    def public(self, module):
        """{name: object} that a module's stub has."""
        found, said = {}, getattr(module, "__all__", None)
        gathers = hasattr(module, "__path__") or module.__name__ in ("fastnn.nn.functional", "fastnn.linalg",
                                                                     "fastnn.fft", "fastnn.special")
        for name in sorted({*dir(module), *(said or ())}):
            value, home = getattr(module, name, None), getattr(getattr(module, name, None), "__module__", None)
            if name.startswith("_") and name != "__version__":
                continue
            if inspect.ismodule(value):
                if gathers and value.__name__ in (*self.modules, *self.untyped) and value.__name__ != "fastnn":
                    found[name] = value
            elif isinstance(value, typing.TypeVar) or isinstance(home, str) and not home.startswith("fastnn"):
                continue
            elif isinstance(home, str) and (callable(value) or inspect.isclass(value)):
                at = self.module_of(value)
                if at == module.__name__ or name in (said or ()) or gathers and (
                        not said or module.__name__ == "fastnn"):
                    found[name] = value
            elif name in (said or ()) or self.sources.assigns(module, name) \
                    or type(value).__module__.startswith("fastnn") and gathers:
                found[name] = value
        return found

    def home_of(self, cls):
        """(module, name) where a class is written; named results of operations are private in Tensor's stub."""
        if id(cls) not in self.homes and cls.__name__.endswith("_result"):
            home = "fastnn._tensor", f"_{cls.__name__}"
            self.members[home[0]][home[1]], self.homes[id(cls)] = cls, home
        return self.homes.get(id(cls))

    def flat(self, cls):
        """The class, and those of its bases that have no stub of their own."""
        if cls not in self.flats:
            found = [cls]
            for base in cls.__bases__:
                if base.__module__.startswith("fastnn") and id(base) not in self.homes:
                    found += [one for one in self.flat(base) if one not in found]
            self.flats[cls] = found
        return self.flats[cls]

    def assigned(self, cls):
        """{attribute: [(expression, method, module)]} of a class and the bases that `flat` adds."""
        found = {}
        for base in self.flat(cls):
            for name, values in self.sources.attributes(base).items():
                found.setdefault(name, []).extend((*one, base.__module__) for one in values)
        return found

    def inherited(self, cls, name):
        return any(name in vars(base) or name in self.sources.attributes(base) for base in cls.__mro__[1:]
                   if base.__module__.startswith("fastnn") and base not in self.flat(cls))

    def makes_tensors(self, cls):
        """Whether a class is another name of Tensor (or Handle), which makes some and answers ``isinstance``."""
        return type(cls).__module__.startswith("fastnn") and "__instancecheck__" in vars(type(cls))

    def is_declared(self, function):
        return callable(function) and id(inspect.unwrap(function)) in self.declared_ids

    def is_instance(self, value):
        """Whether a callable is an object of one of fastnn's classes rather than a function."""
        return type(value).__module__.startswith("fastnn") and type(value).__name__ != "Function"

    def write(self, root):
        made = {name: Stub(module, self).text() for name, module in self.modules.items()}
        made["fastnn._tensor"] = Stub(self.modules["fastnn._tensor"], self).text()  # again, see home_of
        for name, text in made.items():
            parts, inside = name.split("."), hasattr(self.modules[name], "__path__")
            path = os.path.join(root, *parts, "__init__.pyi") if inside else os.path.join(root, *parts) + ".pyi"
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    if file.read() == text:
                        continue
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    folder = os.path.abspath(sys.argv[1])
    sys.path.insert(0, folder)
    Package().write(os.path.abspath(sys.argv[-1]))
