"""One module per family of kernels, each with a list `SPECS`; `fastnn.testing.spec.all_specs` collects them."""
