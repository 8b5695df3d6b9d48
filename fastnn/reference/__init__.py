"""Every kernel in pure NumPy: same names, signatures and results as `fastnn.kernels`, written to be read."""
