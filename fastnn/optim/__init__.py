"""Optimizers under torch.optim's names."""
