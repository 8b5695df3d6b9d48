"""What is said to the user: on the standard output, or to Python's logging."""
import sys

interactive = True


def show(text, line_break=True):
    """Print a text; without `interactive` it goes to the logger ``fastnn``."""
    if not interactive:
        import logging
        logging.getLogger("fastnn").info("%s", text)
        return
    sys.stdout.write(f"{text}\n" if line_break else text)
    sys.stdout.flush()
