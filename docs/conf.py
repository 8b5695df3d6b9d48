"""The documentation site: `make docs` builds it into build/site from these pages, the docstrings and the tutorials."""
import inspect
import pkgutil
from pathlib import Path

import fastnn

project, author, language = "fastnn", "The fastnn developers", "en"
release = version = fastnn.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc", "sphinx.ext.mathjax"]
exclude_patterns = ["README.md"]
html_theme = "furo"
html_title = f"fastnn {version}"
suppress_warnings = ["myst.xref_missing", "myst.header"]  # links to files of the repository, which are no pages

# Tutorials are notebooks written as Markdown: their cells run when the site is built; one that fails ends the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections say them

# Pages of the reference: namespace, and what stands above its list.
NAMESPACES = {
    "fastnn": "Functions of tensors", "fastnn.Tensor": "Methods of tensors", "fastnn.nn": "Layers",
    "fastnn.nn.functional": "Operations of networks", "fastnn.nn.init": "Initial values", "fastnn.nn.utils": "Helpers",
    "fastnn.optim": "Optimizers", "fastnn.optim.lr_scheduler": "Schedules of the learning rate",
    "fastnn.utils.data": "Data", "fastnn.training": "Training",
    "fastnn.autograd": "Gradients", "fastnn.func": "Functions of functions",
    "fastnn.linalg": "Linear algebra", "fastnn.special": "Special functions",
    "fastnn.fft": "Fourier transforms", "fastnn.signal.windows": "Windows",
    "fastnn.distributions": "Probability distributions", "fastnn.sklearn": "The scikit-learn door",
    "fastnn.explain": "Explanations", "fastnn.models": "Pretrained models", "fastnn.onnx": "ONNX",
    "fastnn.vision.transforms": "Transforms of images", "fastnn.vision.datasets": "Data sets of images",
    "fastnn.distributed": "Several processes", "fastnn.config": "Settings",
    **{f"fastnn.keras.{name}": f"The Keras door: {name}" for name in
       "layers models losses metrics optimizers callbacks initializers regularizers ops utils".split()},
}


def members(namespace):
    """Public functions and classes of a module, or methods of a class, in alphabetical order."""
    owner = pkgutil.resolve_name(namespace)
    names = getattr(owner, "__all__", None) or [name for name in dir(owner) if not name.startswith("_")]
    for name in sorted(names):
        value = getattr(owner, name)
        if callable(value) and not inspect.ismodule(value) and inspect.getdoc(value):
            yield name, value


def write_reference(app):
    """A page of the reference for each namespace, from what it holds."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    for namespace, about in NAMESPACES.items():
        lines = [namespace, "=" * len(namespace), "", f"{about}.", "", f".. currentmodule:: {namespace}", ""]
        for name, value in members(namespace):
            kind = "autoclass" if inspect.isclass(value) else "autofunction"
            lines += [f".. {kind}:: {namespace}.{name}", ""]
        text = "\n".join(lines)
        path = folder / f"{namespace}.rst"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    pages = "\n".join(f"   {namespace}" for namespace in NAMESPACES)
    (folder / "index.rst").write_text(f"Reference\n=========\n\n.. toctree::\n   :maxdepth: 1\n\n{pages}\n")


def setup(app):
    app.connect("builder-inited", write_reference)
