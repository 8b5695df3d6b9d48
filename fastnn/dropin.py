"""Programs written for PyTorch run on fastnn: ``import torch`` gives fastnn's modules.

``python -m fastnn script.py`` does this for a whole program; `install` does it inside one::

    import fastnn.dropin
    fastnn.dropin.install()
    import torch.nn as nn          # fastnn.nn, the same module object
    from torchvision import datasets

Nothing falls through to another library: a module or name that fastnn lacks raises an error that says so, even if
PyTorch itself is installed. scikit-learn is the exception: it stays itself, but for `MLPClassifier` and `MLPRegressor`
of `sklearn.neural_network`, which are fastnn's. ``install("torch")`` takes PyTorch's place alone, as
``python -m fastnn --as torch`` does: Keras itself then runs on fastnn, if it is installed and KERAS_BACKEND is torch.
"""
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

import fastnn
from fastnn import _operators, _tensor, compat
from fastnn.compat import placeholders, version
from fastnn.errors import no_attribute
from fastnn.nn import init, parameter

__all__ = ["install", "is_installed", "uninstall"]

# Module that is replaced -> by which one. A submodule `torch.x.y` is `fastnn.x.y`, unless listed itself.
REPLACEMENTS = {"torch": "fastnn", "functorch": "fastnn.compat.functorch", "torchvision": "fastnn.vision",
                "keras": "fastnn.keras", "tensorflow": "fastnn.tensorflow", "tensorflow.keras": "fastnn.keras",
                "tf_keras": "fastnn.keras", "keras_core": "fastnn.keras",
                "torch.utils.model_zoo": "fastnn.compat.model_zoo",
                **{f"torch.{name}": f"fastnn.compat.{name}" for name in compat.MODULES}}
LIBRARIES = {name.partition(".")[0] for name in REPLACEMENTS}
# Libraries that make no sense without each other.
TOGETHER = {"torch": ("torch", "functorch", "torchvision"), "keras": ("keras", "keras_core", "tensorflow", "tf_keras"),
            "sklearn": ()}  # two names of it
# In the place of TensorFlow if that is not installed, and Keras is to be Keras itself.
KERAS_ALONE = {"tensorflow": "fastnn.compat.tf", "tensorflow.keras": "keras"}
# With this module TensorBoard reads event files without TensorFlow, whose place is taken.
ALONE = "tensorboard.compat.notf"
COVERAGE = "`python -m fastnn names` lists what fastnn has"


def target_of(fullname, replacements=REPLACEMENTS):
    """fastnn's name of the module `fullname`; None if it is of no library that is replaced."""
    if fullname in placeholders.ALIASES and "torch" in replacements:
        return placeholders.ALIASES[fullname]
    root, rest = fullname, ""
    while root:
        if root in replacements:
            return replacements[root] + rest
        root, dot, last = root.rpartition(".")
        rest = dot + last + rest
    return None


def _attribute(module):
    """What a module of fastnn's holds under a name, None if nothing."""
    parent, _, name = module.rpartition(".")
    try:
        return getattr(importlib.import_module(parent), name, None) if parent else None
    except ImportError:
        return None


def foreign(name):
    """The name that a program for PyTorch knows fastnn's module by."""
    for root, module in sorted(REPLACEMENTS.items(), key=lambda item: -len(item[1])):
        if name == module or name.startswith(module + "."):
            return root + name[len(module):]
    return name


_dict_of = vars(types.ModuleType)["__dict__"].__get__


class Door(types.ModuleType):
    """The class of fastnn's modules while they stand for another library's: missing names say whose they are.

    ``torch.__version__`` is then the release that fastnn follows, which programs compare with what they need; and
    so is ``fastnn.__version__``, because it is the same module.
    """

    @property
    def __name__(self):
        return foreign(_dict_of(self)["__name__"])

    @property
    def __dict__(self):
        """With the names that load when they are asked for: libraries go through a module's ``__dict__``."""
        for name in _dict_of(self).get("__all__", ()):
            getattr(self, name)
        return _dict_of(self)

    @property
    def __version__(self):
        library = self.__name__
        if library in version.FOLLOWED:
            return version.followed(library, _dict_of(self).get("__version__"))
        try:
            return _dict_of(self)["__version__"]
        except KeyError:
            raise AttributeError(f"module {library!r} has no attribute '__version__'") from None

    def __getattr__(self, name):
        own = _dict_of(self)["__name__"]
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {own!r} has no attribute {name!r}", name=name, obj=self)
        # `import torch` makes all of torch.optim.lr_scheduler and the like known at once.
        if "__path__" in _dict_of(self) and importlib.util.find_spec(f"{own}.{name}") is not None:
            module = importlib.import_module(f"{own}.{name}")
            _open(module, f"{self.__name__}.{name}")
            return module
        full = f"{self.__name__}.{name}"
        if placeholders.knows(full) or full in placeholders.ALIASES:
            return importlib.import_module(full)
        if name in placeholders.names_of(self.__name__):
            return placeholders.names_of(self.__name__)[name]
        raise no_attribute(self.__name__, name, f" in fastnn, which runs this program in its place; {COVERAGE}", self)


_opened = []  # (module, its own ``__getattr__`` or None)


def _open(module, name):
    """Make a door of a module that stands for `name`, and of those that programs reach through it (torch.nn.X), now or
    when it loads them."""
    def reach(key, value):
        if type(value) is types.ModuleType and value.__name__ == target_of(f"{name}.{key}"):
            _open(value, f"{name}.{key}")
        return value

    if type(module) is not types.ModuleType:
        return
    module.__class__ = Door
    for key, value in list(_dict_of(module).items()):
        reach(key, value)
    load = _dict_of(module).get("__getattr__")
    if load is not None:
        module.__getattr__ = functools.wraps(load)(lambda key: reach(key, load(key)))
    _opened.append((module, load))


class _Loader(importlib.abc.Loader):
    """Gives the module that exists already."""

    def __init__(self, target):
        self.target = target

    def create_module(self, spec):
        self.name = spec.name
        self.module = importlib.import_module(self.target)
        self.spec = self.module.__spec__
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec  # the import system has just put its own there
        ours = self.target.partition(".")[0] == "fastnn" and self.target not in KERAS_ALONE.values()
        if ours:
            _open(module, self.name)
        if placeholders.is_package(self.name) and "__path__" not in _dict_of(module):
            module.__path__ = []
        if self.name == "torch":  # torch.ops.aten and the like are there without an import of torch.ops
            for name in placeholders.PACKAGES:
                if target_of(name) in sys.modules:
                    importlib.import_module(name)


class _PlaceholderLoader(importlib.abc.Loader):
    """Gives a module of names that raise."""

    def create_module(self, spec):
        return placeholders.make(spec.name)

    def exec_module(self, module):
        pass


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for every module of the libraries that fastnn replaces, with a module or an error."""

    libraries, replacements = LIBRARIES, REPLACEMENTS

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in self.libraries:
            return None
        replacement = target_of(fullname, self.replacements)
        try:
            found = importlib.util.find_spec(replacement)
        except ModuleNotFoundError:  # a parent of it is no package
            found = None
        if found is None and placeholders.knows(fullname):
            return importlib.machinery.ModuleSpec(fullname, _PlaceholderLoader(),
                                                  is_package=placeholders.is_package(fullname))
        if found is None and isinstance(_attribute(replacement), types.ModuleType):  # tf.random
            sys.modules[replacement] = _attribute(replacement)
            return importlib.machinery.ModuleSpec(fullname, _Loader(replacement))
        if found is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} in fastnn, which runs this program in the place "
                                      f"of {fullname.partition('.')[0]}; {COVERAGE}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, _Loader(replacement), origin=found.origin,
                                              is_package=found.submodule_search_locations is not None)


_finder = _Finder()

# ---- scikit-learn: its own module with some names replaced ----

NETWORKS = "sklearn.neural_network"
REPLACED = ("MLPClassifier", "MLPRegressor")


class _ChangedLoader(importlib.abc.Loader):
    """Loads a module of another's, then changes it."""

    def __init__(self, loader, change):
        self.loader, self.change = loader, change

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        module.__spec__.loader = self.loader
        self.change(module)


class _NetworksFinder(importlib.abc.MetaPathFinder):
    """Answers for `sklearn.neural_network` alone."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != NETWORKS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = _ChangedLoader(spec.loader, _replace)
        return spec


def _replace(module):
    from fastnn import sklearn as door
    for name in REPLACED:
        setattr(module, name, getattr(door, name))


def _restore(module):
    from sklearn.neural_network import _multilayer_perceptron as own
    for name in REPLACED:
        setattr(module, name, getattr(own, name))


_networks_finder = _NetworksFinder()

# ---- processes that Python starts anew: fastnn stands there too, before the program's own imports ----

SPAWN = "multiprocessing.spawn"


class _InChild:
    """Unpickled first of all in such a process."""

    def __reduce__(self):
        folder = os.path.dirname(fastnn.__path__[0])
        return exec, (f"import sys\nsys.path.append({folder!r})\nfrom fastnn import dropin\n"
                      f"dropin.install(*{tuple(_asked)!r})",)


def _carry(module):
    """Let `multiprocessing.spawn` tell new processes of what is installed here."""
    prepare = module.get_preparation_data

    @functools.wraps(prepare)
    def get_preparation_data(name):
        data = prepare(name)
        return {"fastnn": _InChild(), **data} if is_installed() else data
    module.get_preparation_data = get_preparation_data


class _SpawnFinder(importlib.abc.MetaPathFinder):
    """Answers for `multiprocessing.spawn` alone, which few programs import."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != SPAWN:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = _ChangedLoader(spec.loader, _carry)
        return spec


_spawn_finder = _SpawnFinder()
_asked = ()  # what `install` was called with


def _name_tensors(torch):
    """Let the classes of tensors say PyTorch's modules, which libraries look at, or their own."""
    _operators.say_torch(_tensor.Tensor, torch)
    for name in ("Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer"):
        getattr(parameter, name).__module__ = "torch.nn.parameter" if torch else parameter.__name__
    for function in vars(init).values():
        if isinstance(function, types.FunctionType) and function.__module__ in (init.__name__, "torch.nn.init"):
            function.__module__ = "torch.nn.init" if torch else init.__name__


def _aliases():
    return [name for name in sys.modules if name.partition(".")[0] in _finder.libraries]


def install(*libraries):
    """From now on, ``import torch``, ``import keras`` and the like give fastnn's modules, and `sklearn.neural_network`
    its `MLPClassifier` and `MLPRegressor`.

    Parameters
    ----------
    *libraries : "torch", "keras" or "sklearn"
        What fastnn replaces: "torch" is PyTorch's and torchvision's, "keras" Keras' and TensorFlow's. All by
        default. What is taken already stays so.

    Raises
    ------
    RuntimeError
        One of them has been imported already.
    ValueError
        A name that is none of these.
    """
    unknown = [name for name in libraries if name not in TOGETHER]
    if unknown:
        raise ValueError(f"fastnn.dropin.install: expected names of {sorted(TOGETHER)}, got {unknown[0]!r}")
    if is_installed():
        return
    _finder.libraries = {name for library in libraries or TOGETHER for name in TOGETHER[library]}
    _finder.replacements = REPLACEMENTS
    if "torch" in libraries and "keras" not in libraries and importlib.util.find_spec("tensorflow") is None:
        _finder.libraries.add("tensorflow")
        _finder.replacements = {**REPLACEMENTS, **KERAS_ALONE}
    real = [name for name in _aliases() if sys.modules[name] is not None]
    if real:
        raise RuntimeError(f"fastnn.dropin.install: {real[0]!r} is imported already; call install() before that")
    for name in _aliases():
        del sys.modules[name]
    sys.meta_path.insert(0, _finder)
    if "tensorflow" in _finder.libraries:
        sys.modules.setdefault(ALONE, types.ModuleType(ALONE))
    global _asked
    _asked = libraries
    if SPAWN not in sys.modules:
        if _spawn_finder not in sys.meta_path:
            sys.meta_path.insert(1, _spawn_finder)
    elif not hasattr(sys.modules[SPAWN].get_preparation_data, "__wrapped__"):
        _carry(sys.modules[SPAWN])
    if "torch" in _finder.libraries:
        _name_tensors(True)
    if "sklearn" in (libraries or TOGETHER):
        sys.meta_path.insert(1, _networks_finder)
        if NETWORKS in sys.modules:
            _replace(sys.modules[NETWORKS])


def uninstall():
    """Undo `install`: later imports find PyTorch itself again, if it is installed."""
    if not is_installed():
        return
    sys.meta_path.remove(_finder)
    sys.modules.pop(ALONE, None)
    if _networks_finder in sys.meta_path:
        sys.meta_path.remove(_networks_finder)
        if NETWORKS in sys.modules:
            _restore(sys.modules[NETWORKS])
    for name in _aliases():
        del sys.modules[name]
    while _opened:
        module, load = _opened.pop()
        module.__class__ = types.ModuleType
        if load is not None:
            module.__getattr__ = load
    _name_tensors(False)  # after the modules, whose names it takes


def is_installed():
    """Whether fastnn stands in the place of PyTorch."""
    return _finder in sys.meta_path


def explain(error):
    """Add a note to an ImportError of ``from torch.nn import Missing``, whose text does not say that it is fastnn's."""
    if isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError) and error.name:
        if isinstance(sys.modules.get(error.name), Door) and hasattr(error, "add_note"):
            error.add_note(f"{error.name} is fastnn's here, and lacks this name; {COVERAGE}")
