"""What a network's output comes from: attributions to inputs, layers and neurons, measures of them, and pictures.

Every method is a class that takes a model (of the PyTorch door, of the Keras door, or any function of tensors) and has
``attribute(inputs, target=...)``, with Captum's names and arguments. Models should be in evaluation mode.
"""
from fastnn.explain import lrp, plots
from fastnn.explain.attention import AttentionRollout, AttentionXGradient, attention_weights
from fastnn.explain.attribution import Attribution
from fastnn.explain.cam import GuidedGradCam
from fastnn.explain.deeplift import DeepLift, DeepLiftShap
from fastnn.explain.gradients import InputXGradient, IntegratedGradients, Saliency
from fastnn.explain.guided import Deconvolution, GuidedBackprop
from fastnn.explain.layer import (InternalInfluence, LayerActivation, LayerAttribution, LayerConductance,
                                  LayerDeepLift, LayerFeatureAblation, LayerGradCam, LayerGradientShap,
                                  LayerGradientXActivation, LayerIntegratedGradients, LayerLRP)
from fastnn.explain.lrp import LRP
from fastnn.explain.measures import Curve, deletion_curve, infidelity, insertion_curve, sensitivity_max
from fastnn.explain.neuron import (NeuronAttribution, NeuronConductance, NeuronDeconvolution, NeuronDeepLift,
                                   NeuronFeatureAblation, NeuronGradient, NeuronGradientShap, NeuronGuidedBackprop,
                                   NeuronIntegratedGradients)
from fastnn.explain.noise import GradientShap, NoiseTunnel
from fastnn.explain.perturbation import (FeatureAblation, FeaturePermutation, Occlusion, ShapleyValues,
                                         ShapleyValueSampling, permutation_importance)
from fastnn.explain.plots import bars, heat_map, layer_relevance, text

__all__ = ["Attribution", "AttentionRollout", "AttentionXGradient", "Curve", "Deconvolution", "DeepLift",
           "DeepLiftShap", "FeatureAblation", "FeaturePermutation", "GradientShap", "GuidedBackprop", "GuidedGradCam",
           "InputXGradient", "IntegratedGradients", "InternalInfluence", "LRP", "LayerActivation", "LayerAttribution",
           "LayerConductance", "LayerDeepLift", "LayerFeatureAblation", "LayerGradCam", "LayerGradientShap",
           "LayerGradientXActivation", "LayerIntegratedGradients", "LayerLRP", "NeuronAttribution",
           "NeuronConductance", "NeuronDeconvolution", "NeuronDeepLift", "NeuronFeatureAblation", "NeuronGradient",
           "NeuronGradientShap", "NeuronGuidedBackprop", "NeuronIntegratedGradients", "NoiseTunnel", "Occlusion",
           "Saliency", "ShapleyValueSampling", "ShapleyValues", "attention_weights", "bars", "deletion_curve",
           "heat_map", "infidelity", "insertion_curve", "layer_relevance", "lrp", "permutation_importance", "plots",
           "sensitivity_max", "text"]
