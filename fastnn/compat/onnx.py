"""``torch.onnx``: programs import it for an export that they may never make."""


def is_in_onnx_export():
    """False."""
    return False


def export(model, *args, **kwargs):
    """Raise NotImplementedError."""
    raise NotImplementedError("onnx.export: fastnn writes no ONNX files; save the model's state_dict and export it "
                              "where PyTorch is installed")
