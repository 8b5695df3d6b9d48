"""What a network's output comes from: attributions to inputs, layers and neurons, measures of them, and pictures.

Every method is a class that takes a model (of the PyTorch door, of the Keras door, or any function of tensors) and has
``attribute(inputs, target=...)``, with Captum's names and arguments.
"""
from fastnn.explain import lrp
from fastnn.explain.attribution import Attribution
from fastnn.explain.deeplift import DeepLift, DeepLiftShap
from fastnn.explain.gradients import InputXGradient, IntegratedGradients, Saliency
from fastnn.explain.guided import Deconvolution, GuidedBackprop
from fastnn.explain.lrp import LRP

__all__ = ["Attribution", "DeepLift", "DeepLiftShap", "Deconvolution", "GuidedBackprop", "InputXGradient",
           "IntegratedGradients", "LRP", "Saliency", "lrp"]
