"""What programs ask of a layer whose backend is PyTorch: that it is a module."""


class AsModule:
    """The methods of ``torch.nn.Module`` that mean something for a layer; its variables are the parameters."""

    def parameters(self, recurse=True):
        """The variables, those without gradients too."""
        return (variable for _, variable in self.named_parameters())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Pairs of a variable's path and the variable."""
        for variable in self.variables:
            yield f"{prefix}.{variable.path}" if prefix else variable.path, variable

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of the variables."""
        for variable in self.variables:
            if set_to_none:
                variable.grad = None
            elif variable.grad is not None:
                variable.grad = variable.grad.detach() * 0

    def train(self, mode=True):
        """The layer itself: whether it trains is told by ``training=`` of a call."""
        return self

    def eval(self):
        """The layer itself, see `train`."""
        return self

    def to(self, *args, **kwargs):
        """The layer itself: there is one device."""
        return self

    cpu = eval
