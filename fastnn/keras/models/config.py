"""Models as records and back."""
