"""Which rule is for which layer."""
from fastnn.explain.lrp.rules import Epsilon, Flat, Gamma, Rule, ZBox, ZPlus


class Composite:
    """Rules by the place of a layer.

    Parameters
    ----------
    dense : Rule
        Of dense layers, and of layers within recurrent layers and attention.
    convolution : Rule, optional
        Of convolutions; that of dense layers without it.
    first : Rule, optional
        Of the first layer with weights, whatever it is.
    layers : dict of layer to Rule, optional
        For single layers, before all others.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import Composite, Epsilon, Gamma, ZBox
    >>> model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    >>> rules = Composite(Epsilon(), convolution=Gamma(), first=ZBox(0, 1))
    >>> LRP(model, rules).attribute(fastnn.rand(1, 1, 6), target=1).shape
    torch.Size([1, 1, 6])
    """

    def __init__(self, dense=None, convolution=None, first=None, layers=None):
        self.dense = Epsilon() if dense is None else dense
        self.convolution, self.first, self.layers = convolution, first, dict(layers or {})
        for rule in (self.dense, convolution, first, *self.layers.values()):
            if rule is not None and not isinstance(rule, Rule):
                raise TypeError(f"Composite: expected rules of fastnn.explain.lrp, got {type(rule).__name__}")

    def rule(self, step, is_first):
        """The rule of an affine step. A layer's own attribute ``rule`` comes before the kinds."""
        layer = step.layer
        for known, rule in self.layers.items():
            if known is layer:
                return rule
        own = getattr(layer, "rule", None)
        if isinstance(own, Rule):
            return own
        if is_first and self.first is not None:
            return self.first
        return self.convolution if self.convolution is not None and step.facts["convolves"] else self.dense

    def __repr__(self):
        return f"{type(self).__name__}(dense={self.dense}, convolution={self.convolution}, first={self.first})"


class EpsilonPlusFlat(Composite):
    """Flat in the first layer, z+ in convolutions, epsilon in dense layers: for networks that see images.

    Kohlbrenner, Bauer, Nakajima, Binder, Samek, Lapuschkin 2020, "Towards best practice in explaining neural network
    decisions with LRP", IJCNN.

    Parameters
    ----------
    epsilon : float
        Of the epsilon rule.
    layers : dict of layer to Rule, optional

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import EpsilonPlusFlat
    >>> model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    >>> LRP(model, EpsilonPlusFlat()).attribute(fastnn.rand(1, 1, 6), target=1).shape
    torch.Size([1, 1, 6])
    """

    def __init__(self, epsilon=1e-6, layers=None):
        super().__init__(Epsilon(epsilon), ZPlus(), Flat(), layers)


class EpsilonGammaBox(Composite):
    """z^B in the first layer, gamma in convolutions, epsilon in dense layers.

    Parameters
    ----------
    low, high : number or Tensor
        Bounds of the inputs.

    Montavon et al. 2019.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import LRP
    >>> from fastnn.explain.lrp import EpsilonGammaBox
    >>> model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    >>> LRP(model, EpsilonGammaBox(0.0, 1.0)).attribute(fastnn.rand(1, 1, 6), target=1).shape
    torch.Size([1, 1, 6])
    """

    def __init__(self, low, high, gamma=0.25, epsilon=1e-6, layers=None):
        super().__init__(Epsilon(epsilon), Gamma(gamma), ZBox(low, high), layers)
