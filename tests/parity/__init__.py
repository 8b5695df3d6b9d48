"""PyTorch's own samples of operations (OpInfo) run on fastnn: which ones, how values are carried over and compared."""
