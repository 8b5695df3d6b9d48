"""``torch.cuda.amp``: the older place of ``torch.amp``."""
from fastnn.compat.amp import GradScaler, autocast, custom_bwd, custom_fwd  # noqa: F401
