"""``torch.cuda.amp``: the older place of ``torch.amp``."""
from fastnn.compat.amp import GradScaler, autocast  # noqa: F401
