"""Questions about classes that take over PyTorch's functions; here none does."""


def has_torch_function(relevant_args):
    """Whether an argument's class takes over PyTorch's functions: False.

    Parameters
    ----------
    relevant_args : tuple

    Examples
    --------
    >>> F.has_torch_function((fastnn.ones(1),))
    False
    """
    return False


has_torch_function_unary = has_torch_function


def has_torch_function_variadic(*args):
    """`has_torch_function` of all arguments: False.

    Parameters
    ----------
    *args : object

    Examples
    --------
    >>> F.has_torch_function_variadic(fastnn.ones(1), 2)
    False
    """
    return False


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """``public_api`` itself on the arguments.

    Parameters
    ----------
    public_api : callable
    relevant_args : tuple
        Without effect.
    *args, **kwargs
        Its arguments.

    Examples
    --------
    >>> F.handle_torch_function(max, (), 2, 3)
    3
    """
    return public_api(*args, **kwargs)
