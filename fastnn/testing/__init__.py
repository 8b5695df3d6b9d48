"""What tests and benchmarks share: operation specs, comparison, gradient checks, guarded arrays.

Production code never imports this package.
"""
