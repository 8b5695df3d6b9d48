"""Writes docs/coverage.md: the names of PyTorch that fastnn has, read off the package. Run it from the root folder."""
import importlib
import inspect
import textwrap
from pathlib import Path

# Heading: (module, or class whose methods count)
SECTIONS = {
    "torch": "fastnn",
    "torch.Tensor": "fastnn.Tensor",
    "torch.autograd": "fastnn.autograd",
    "torch.nn": "fastnn.nn",
    "torch.nn.functional": "fastnn.nn.functional",
    "torch.nn.init": "fastnn.nn.init",
    "torch.nn.utils": "fastnn.nn.utils",
    "torch.optim": "fastnn.optim",
    "torch.optim.lr_scheduler": "fastnn.optim.lr_scheduler",
    "torch.utils.data": "fastnn.utils.data",
    "torchvision.datasets": "fastnn.vision.datasets",
    "torchvision.transforms": "fastnn.vision.transforms",
    "torchvision.utils": "fastnn.vision.utils",
}
# Names that are fastnn's own, and modules.
OWN = {
    "fastnn": {"config", "dtypes", "errors", "kernels", "ops", "random", "reference", "serialization", "show_config",
               "testing", "use_backend", "get_backend", "num_threads", "demo", "dropin", "vision", "nn", "optim",
               "utils", "autograd"},
    "fastnn.nn": {"Step", "functional", "init", "utils"},
}
TEXT = """\
# What fastnn has of PyTorch

Made by `python docs/make_coverage.py`. A name that is not here raises an error that says so; a program that needs it
cannot run on fastnn yet. Behaviour, defaults and errors are those of PyTorch 2.13; [numerics.md](numerics.md) and
[architecture.md](architecture.md) say where fastnn differs. There are no devices other than the CPU, and no second
derivatives.
"""


def names(path):
    """Public names of a module or class, None if this installation lacks it."""
    parent, _, last = path.rpartition(".")
    try:
        owner = importlib.import_module(path)
    except ModuleNotFoundError:
        owner = getattr(importlib.import_module(parent), last, None) if parent else None
    if owner is None:
        return None
    if inspect.isclass(owner):
        found = vars(owner)
    else:
        found = getattr(owner, "__all__", None) or [
            name for name, value in vars(owner).items()
            if path == "fastnn" or str(getattr(value, "__module__", "")).startswith(path)]
    return sorted({name for name in found if not name.startswith("_")} - OWN.get(path, set()))


def page():
    parts = [TEXT]
    for heading, path in SECTIONS.items():
        found = names(path)
        if found:
            listing = textwrap.fill(", ".join(f"`{name}`" for name in found), 120, break_on_hyphens=False)
            parts.append(f"## {heading}\n\n{listing}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).resolve().parent / "coverage.md").write_text(page())
