"""Random programs beside PyTorch: what they call, with which arguments, who judges, what is explained."""
