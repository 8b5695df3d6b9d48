"""The table of a model's layers."""


def print_summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
                  layer_range=None):
    """Print the table."""
    (print_fn or print)(f"Model: {model.name}")
