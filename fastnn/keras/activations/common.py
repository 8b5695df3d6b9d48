"""What activation functions share."""
from fastnn.keras.variables import convert


def floating(x):
    """`x` as a tensor of a floating dtype."""
    x = convert(x)
    return x if x.is_floating_point() else x.to(convert(0.0).dtype)
