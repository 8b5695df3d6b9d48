"""What attention layers look at, through all layers."""
import contextlib

import fastnn
from fastnn.errors import check_number
from fastnn.explain import _inputs as common
from fastnn.explain import _steps, _unrolled
from fastnn.explain._views import model_of
from fastnn.explain.attribution import Attribution


class _Keeping(_unrolled.Rules):
    """Attention as it is, whose weights are kept as part of the graph."""

    def __init__(self, found):
        self.found = found

    def softmax(self, x, dim):
        self.found.append(x.softmax(dim))
        return self.found[-1]


@contextlib.contextmanager
def _kept_weights(model, layers, method):
    """A list that gets the weights (batch, heads, L, S) of each attention layer, in the order of their calls."""
    found = []

    def rule(step, args, kwargs, output):
        if layers is not None and step.layer not in layers:
            return None
        result = step.facts["unroll"](step, _Keeping(found), args, kwargs, output)
        if result is None:
            raise NotImplementedError(f"{method}: {type(step.layer).__name__} with these options is not written out: "
                                      f"bias_k, add_zero_attn, a gate, padding masks of Keras or dropout in training")
        return result

    with _steps.replaced(model, rule, {"attention"}):
        yield found


def attention_weights(model, inputs, additional_forward_args=None, layers=None):
    """The weights of a model's attention layers.

    ``softmax(q k^T / sqrt(d))`` of each head; Vaswani et al. 2017, arXiv:1706.03762.

    Parameters
    ----------
    model : Module or Keras model
        With `nn.MultiheadAttention`, or the Keras door's `MultiHeadAttention`.
    inputs : Tensor or tuple of Tensor
    additional_forward_args : any or tuple, optional
    layers : list of layers, optional
        Which of them; all without it.

    Returns
    -------
    list of Tensor
        (batch, heads, L, S) for each call of such a layer, in order.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import attention_weights
    >>> model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    >>> attention_weights(model, fastnn.randn(3, 5, 8))[0].shape
    torch.Size([3, 2, 5, 5])
    """
    return _weights(model_of(model, "attention_weights"), inputs, additional_forward_args, layers, "attention_weights")


def _weights(model, inputs, additional, layers, method):
    x, _ = common.as_tuple(inputs, "inputs", method)
    with _kept_weights(model, layers, method) as found, fastnn.no_grad(), common.recording(model):
        model(*common.copies((*x, *common.as_arguments(additional))))
    return [each.detach() for each in found]


def _square(maps, method):
    if not maps:
        raise ValueError(f"{method}: the model ran no attention layer")
    sizes = {tuple(each.shape[-2:]) for each in maps}
    if len(sizes) > 1 or len(set(sizes.pop())) > 1:
        raise ValueError(f"{method}: expected attention of a sequence to itself, of one length in all layers, got "
                         f"weights {[tuple(each.shape) for each in maps]}; choose by layers=")
    return maps


class _AttentionMethod(Attribution):
    """Base: `layers` are the attention layers that count, all without it."""

    def __init__(self, model, layers=None):
        super().__init__(model)
        self.model, self.layers = model_of(model, self._name), None if layers is None else list(layers)


class AttentionRollout(_AttentionMethod):
    """Attention through all layers: how much of each position reaches each position at the end.

    ``R = prod_l ((1 - r) mean_heads A_l + r I)``, rows summing to 1, the last layer leftmost; r of the residual.

    Abnar, Zuidema 2020, "Quantifying attention flow in transformers", arXiv:2005.00928.

    Parameters
    ----------
    model : Module or Keras model
        Whose attention layers look at one sequence.
    layers : list of layers, optional
        The attention layers that count.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import AttentionRollout
    >>> model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    >>> AttentionRollout(model).attribute(fastnn.randn(3, 5, 8)).sum(-1)[0]
    tensor([1., 1., 1., 1., 1.])
    """

    def attribute(self, inputs, additional_forward_args=None, head_fusion="mean", residual=0.5, discard=0.0):
        """The product over layers.

        Parameters
        ----------
        inputs, additional_forward_args
            As for `Saliency.attribute`; inputs may be integers.
        head_fusion : {"mean", "max", "min"}
            How heads become one map.
        residual : float
            The share of the residual connection, 0 to 1.
        discard : float
            The share of each row's smallest weights that is set to 0 first.

        Returns
        -------
        Tensor
            (batch, L, L): row i says where position i at the end comes from.
        """
        if head_fusion not in ("mean", "max", "min"):
            raise ValueError(f"{self._name}: expected head_fusion to be mean, max or min, got {head_fusion!r}")
        for name, value in (("residual", residual), ("discard", discard)):
            check_number(value, name, self._name)
            if value > 1:
                raise ValueError(f"{self._name}: expected {name} between 0 and 1, got {value}")
        maps = _square(_weights(self.model, inputs, additional_forward_args, self.layers, self._name), self._name)
        total = None
        for weights in maps:
            fused = weights.mean(1) if head_fusion == "mean" else getattr(weights, "a" + head_fusion)(1)
            count = int(discard * fused.shape[-1])
            if count:
                least = fused.sort(-1)[0][..., count - 1:count]
                fused = fused.masked_fill(fused <= least, 0)
            eye = fastnn.eye(fused.shape[-1], dtype=fused.dtype)
            step = (1 - residual) * fused + residual * eye
            step = step / step.sum(-1, keepdim=True)
            total = step if total is None else step @ total
        return total


class AttentionXGradient(_AttentionMethod):
    """Attention weights times their gradients: which looks speak for the target.

    ``E_l = mean_heads max(A_l * df/dA_l, 0)`` and, combined over the layers, ``R = I``, ``R <- R + E_l R``.

    Chefer, Gur, Wolf 2021, "Generic attention-model explainability", arXiv:2103.15679.

    Parameters
    ----------
    model : Module or Keras model
    layers : list of layers, optional
        The attention layers that count.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import nn
    >>> from fastnn.explain import AttentionXGradient
    >>> model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    >>> AttentionXGradient(model).attribute(fastnn.randn(3, 5, 8), target=(0, 1)).shape
    torch.Size([3, 5, 5])
    """

    def attribute(self, inputs, target=None, additional_forward_args=None, combine=True):
        """Relevance of positions for positions.

        Parameters
        ----------
        inputs, target, additional_forward_args
            As for `Saliency.attribute`; inputs may be integers.
        combine : bool
            One map through all layers; else ``A * df/dA`` of each layer by itself, with its sign.

        Returns
        -------
        Tensor or list of Tensor
            (batch, L, L), the identity included; or (batch, heads, L, S) for each layer.
        """
        x, _ = common.as_tuple(inputs, "inputs", self._name)
        arguments = common.as_arguments(additional_forward_args)
        given = tuple(each.detach().requires_grad_() if each.is_floating_point() else each for each in x)
        with fastnn.enable_grad(), _kept_weights(self.model, self.layers, self._name) as maps:
            selected = common.run(self.forward_func, given, target, arguments, self._name)
            total = common.one_per_row(selected, x[0].shape[0], self._name)
            if not maps:
                raise ValueError(f"{self._name}: the model ran no attention layer")
            slopes = fastnn.autograd.grad(total, maps, allow_unused=True)
        products = [a.detach() * (fastnn.zeros_like(a) if g is None else g).detach() for a, g in zip(maps, slopes)]
        if not combine:
            return products
        _square(products, self._name)
        result = fastnn.eye(products[0].shape[-1], dtype=products[0].dtype).expand(x[0].shape[0], -1, -1)
        for product in products:
            result = result + product.clamp(min=0).mean(1) @ result
        return result
