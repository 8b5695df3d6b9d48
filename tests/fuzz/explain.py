"""`explained.txt`: which differences from PyTorch are meant, one a line; the list can only shrink."""
import re
from pathlib import Path

from fuzz.ir import source

FILE = Path(__file__).with_name("explained.txt")


class Entry:
    def __init__(self, number, text):
        self.number = number
        self.key, self.kind, self.pattern, self.reason = [part.strip() for part in text.split(" | ")]

    def matches(self, keys, finding, lines):
        return (self.kind in ("*", finding.kind) and any(re.fullmatch(self.key, key, re.I) for key in keys)
                and re.search(self.pattern, f"{finding!r}\n{lines}") is not None)


class Explained:
    """The list, read once."""

    def __init__(self):
        self.entries = [Entry(n, text) for n, text in enumerate(FILE.read_text().splitlines(), 1)
                        if text.strip() and not text.startswith("#")]

    def early(self, program, finding):
        """The same before the program was made small, where the difference itself says it."""
        keys = [step.key for step in program.steps if step.name == finding.label.split(" ")[0]] or [
            step.key for step in program.steps]
        return next((entry.number for entry in self.entries if entry.matches(keys, finding, "")), None)

    def line(self, program, finding):
        """The number of the line that explains a finding made small; None."""
        keys = [step.key for step in program.steps] or [program.last_key()]
        if "in float64 too" in repr(finding) and len(program.steps) > 1:
            return 0  # alone each call agrees: rounding in one decides a tie of the next
        lines = program.source() if hasattr(program, "source") else source(program)
        return next((entry.number for entry in self.entries if entry.matches(keys, finding, lines)), None)
