"""Dense layers of any axes, by an equation."""
import fastnn
from fastnn.keras import activations, constraints, initializers, regularizers
from fastnn.keras.layers.base import Layer
from fastnn.keras.layers.core import _weight_config


def analyse(equation, bias_axes, input_shape, output_shape):
    """(kernel's shape, bias' shape or None, result's shape) for an equation such as ``"ab,bc->ac"``.

    An ellipsis may stand at the start or the end of inputs and result.

    Raises
    ------
    ValueError
        The equation is of another form, or does not fit the shapes.
    """
    form = equation.replace("...", "0").replace(" ", "")
    try:
        operands, result = form.split("->")
        inputs, kernel = operands.split(",")
    except ValueError:
        inputs = kernel = result = "?"
    left = inputs.startswith("0") and result.startswith("0")
    right = inputs.endswith("0") and result.endswith("0") and not left
    inputs, result = inputs.strip("0") if left or right else inputs, result.strip("0") if left or right else result
    if not (inputs.isalpha() and kernel.isalpha() and result.isalpha()):
        raise ValueError(f"Invalid einsum equation '{equation}'. Equations must be in the form [X],[Y]->[Z], "
                         f"...[X],[Y]->...[Z], or [X]...,[Y]->[Z]....")
    elided = len(input_shape) - len(inputs)
    full = [input_shape[0], *output_shape]
    if elided > 0 and left:
        full[1:1] = input_shape[1:elided]
    elif elided > 0:
        full += input_shape[len(input_shape) - elided:]
    offset = elided if left else 0
    size_in = {letter: input_shape[i + offset] for i, letter in enumerate(inputs)}
    size_out = {letter: full[i + offset] for i, letter in enumerate(result)}
    for letter, size in size_in.items():
        wanted = size_out.get(letter)
        if wanted is not None and wanted != size:
            raise ValueError(f"Input shape and output shape do not match at shared dimension '{letter}'. Input shape "
                             f"is {size}, and output shape is {wanted}.")
    for letter in result:
        if letter not in size_in and letter not in kernel:
            raise ValueError(f"Dimension '{letter}' was specified in the output '{result}' but has no corresponding "
                             f"dim in the input spec '{inputs}' or weight spec '{kernel}'")
    shape = []
    for letter in kernel:
        if letter not in size_in and letter not in size_out:
            raise ValueError(f"Weight dimension '{letter}' did not have a match in either the input spec '{inputs}' or "
                             f"the output spec '{result}'. For this layer, the weight must be fully specified.")
        shape.append(size_out[letter] if letter in size_out else size_in[letter])
    bias = None
    if bias_axes:
        for letter in bias_axes:
            if letter not in result:
                raise ValueError(f"Bias dimension '{letter}' was requested, but is not part of the output spec "
                                 f"'{result}'")
        first = min(result.find(letter) for letter in bias_axes)
        bias = [size_out[letter] if letter in bias_axes else 1 for letter in result[first:]]
        bias += [1] * (elided if not left else 0)
    return tuple(shape), None if bias is None else tuple(bias), tuple(full)


class EinsumDense(Layer):
    """Dense layer of any axes: ``activation(einsum(equation, inputs, kernel) + bias)``.

    Parameters
    ----------
    equation : str
        Of inputs, kernel and result: ``"ab,bc->ac"``, ``"...x,xy->...y"``.
    output_shape : int or tuple
        Without the batch; None for sizes that come from the inputs.
    activation : str or callable, optional
    bias_axes : str, optional
        Axes of the result that have a bias.
    kernel_initializer, bias_initializer : Initializer or str
    kernel_regularizer, bias_regularizer : Regularizer or str, optional
    kernel_constraint, bias_constraint : Constraint or str, optional
    lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config
        Not implemented.

    Raises
    ------
    ValueError
        The equation has another form, or does not fit the shapes.
    NotImplementedError
        `lora_rank` or `quantization_config` is given.

    Examples
    --------
    >>> layer = keras.layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
    >>> layer(np.ones((1, 3, 5))).shape
    torch.Size([1, 3, 2, 4])
    """

    def __init__(self, equation, output_shape, activation=None, bias_axes=None, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, lora_rank=None, lora_alpha=None, gptq_unpacked_column_size=None,
                 quantization_config=None, **kwargs):
        if lora_rank is not None or quantization_config is not None:
            raise NotImplementedError("EinsumDense: lora_rank and quantization_config are not implemented")
        super().__init__(**kwargs)
        self.equation, self.bias_axes = equation, bias_axes
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape):
        kernel, bias, self.full_output_shape = analyse(self.equation, self.bias_axes, input_shape,
                                                       self.partial_output_shape)
        self.kernel = self.add_weight(kernel, self.kernel_initializer, name="kernel",
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.bias = self.add_weight(bias, self.bias_initializer, name="bias", regularizer=self.bias_regularizer,
                                    constraint=self.bias_constraint) if bias is not None else None

    def call(self, inputs, training=None):
        y = fastnn.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            y = y + self.bias
        return y if self.activation is activations.linear else self.activation(y)

    def compute_output_shape(self, input_shape):
        return analyse(self.equation, self.bias_axes, input_shape, self.partial_output_shape)[2]

    def get_config(self):
        return {**self._base_config(), "output_shape": self.partial_output_shape, "equation": self.equation,
                "activation": activations.serialize(self.activation), "bias_axes": self.bias_axes,
                **_weight_config(self, "kernel", "bias", "activity"), "quantization_config": None}
