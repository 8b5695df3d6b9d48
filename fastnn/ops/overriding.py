"""Questions about classes that take over PyTorch's functions; here none does."""


def has_torch_function(relevant_args):
    """False."""
    return False


has_torch_function_unary = has_torch_function


def has_torch_function_variadic(*args):
    """False."""
    return False


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """``public_api`` itself on the arguments."""
    return public_api(*args, **kwargs)
