"""What a network's output comes from: attributions to inputs, layers and neurons, measures of them, and pictures.

Every method is a class that takes a model (of the PyTorch door, of the Keras door, or any function of tensors) and has
``attribute(inputs, target=...)``, with Captum's names and arguments.
"""
from fastnn.explain.attribution import Attribution
from fastnn.explain.gradients import InputXGradient, IntegratedGradients, Saliency

__all__ = ["Attribution", "InputXGradient", "IntegratedGradients", "Saliency"]
