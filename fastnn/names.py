"""``fastnn names [TEXT ...]``: the names that fastnn has of PyTorch, torchvision, Keras, TensorFlow, scikit-learn."""
import argparse
import importlib
import types

from fastnn import dropin

# The modules that programs import, as they know them.
NAMESPACES = """
torch torch.accelerator torch.amp torch.autograd torch.autograd.forward_ad torch.autograd.functional
torch.autograd.graph torch.autograd.profiler
torch.backends torch.backends.cuda torch.backends.cudnn torch.backends.mps torch.compiler torch.cpu torch.cuda
torch.cuda.amp torch.distributed torch.distributions torch.distributions.constraint_registry
torch.distributions.constraints torch.distributions.relaxed_bernoulli torch.distributions.relaxed_categorical
torch.distributions.transforms torch.distributions.utils torch.export torch.fft torch.func torch.futures torch.fx
torch.hub torch.jit torch.library torch.linalg torch.mps torch.multiprocessing torch.nn torch.nn.attention
torch.nn.functional torch.nn.init torch.nn.modules.module torch.nn.parallel torch.nn.parameter torch.nn.utils
torch.nn.utils.fusion torch.nn.utils.parametrizations torch.nn.utils.parametrize torch.nn.utils.prune torch.nn.utils.rnn
torch.onnx torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.overrides torch.profiler torch.quasirandom
torch.random torch.serialization torch.signal.windows torch.sparse torch.special torch.storage torch.testing torch.utils
torch.utils.benchmark torch.utils.checkpoint torch.utils.data torch.utils.dlpack torch.utils.hooks
torch.utils.tensorboard torch.utils.weak torch.xpu
torchvision.datasets torchvision.io torchvision.models torchvision.ops torchvision.transforms
torchvision.transforms.functional torchvision.transforms.v2 torchvision.transforms.v2.functional
torchvision.tv_tensors torchvision.utils
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


def main(arguments):
    """The command; returns 1 if nothing was found."""
    parser = argparse.ArgumentParser("fastnn names", description="list the names that fastnn has of PyTorch, "
                                     "torchvision, Keras, TensorFlow and scikit-learn's networks")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="only names that contain each TEXT, in any case")
    texts = parser.parse_args(arguments).texts
    found = listed(texts)
    print("\n".join(found) if found else f"fastnn names: nothing contains {' and '.join(texts)}")
    return not found
