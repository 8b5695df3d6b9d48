"""Benchmarks: ``fastnn bench`` and what it shares with the repository's ``benchmarks/``.

`timing` measures in turns and tells what noise spoilt, `programs` are written once for fastnn and PyTorch, `cases` say
who runs what, `peers` which other libraries are installed, `report` prints and draws, `command` is the command.
"""
