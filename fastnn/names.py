"""``fastnn names [TEXT ...]``: the names that fastnn has of PyTorch, torchvision, Keras, TensorFlow, scikit-learn."""
import importlib
import types

from fastnn import dropin

# The modules that programs import, as they know them.
NAMESPACES = """
torch torch.autograd torch.distributions torch.distributions.constraints torch.distributions.transforms torch.fft
torch.func torch.linalg torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.fusion
torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.prune torch.nn.utils.rnn torch.onnx
torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.profiler torch.random torch.signal.windows torch.sparse
torch.special torch.testing torch.utils torch.utils.benchmark torch.utils.checkpoint torch.utils.data
torchvision.datasets torchvision.io torchvision.models torchvision.ops
torchvision.transforms torchvision.transforms.functional torchvision.utils
keras keras.activations keras.applications keras.backend keras.callbacks keras.config keras.constraints keras.datasets
keras.initializers keras.layers keras.losses keras.metrics keras.mixed_precision keras.models keras.ops
keras.optimizers keras.optimizers.schedules keras.preprocessing keras.random keras.regularizers keras.saving keras.tree
keras.utils tensorflow tensorflow.data tensorflow.image
""".split()


def listed(texts):
    """Full names that contain all `texts`, in any case; sorted."""
    texts = [text.lower() for text in texts]
    found = {f"{dropin.NETWORKS}.{name}" for name in dropin.REPLACED}
    for namespace in NAMESPACES:
        try:
            module = importlib.import_module(dropin.target_of(namespace))
        except ImportError:
            continue
        for name in getattr(module, "__all__", None) or dir(module):
            if not name.startswith("_") and not isinstance(getattr(module, name, None), types.ModuleType):
                found.add(f"{namespace}.{name}")
        if namespace == "torch":
            found.update(f"torch.Tensor.{name}" for name in dir(module.Tensor) if not name.startswith("_"))
    return sorted(name for name in found if all(text in name.lower() for text in texts))


def main(texts):
    """The command; returns 1 if nothing was found."""
    found = listed(texts)
    print("\n".join(found) if found else f"fastnn names: nothing contains {' and '.join(texts)}")
    return not found
