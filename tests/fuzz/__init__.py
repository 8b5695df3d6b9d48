"""Random programs beside PyTorch: what they call (`operations`), with which arguments, who judges, what is explained."""
