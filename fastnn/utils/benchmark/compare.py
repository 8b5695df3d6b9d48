"""Tables of measurements."""
from fastnn.utils.benchmark.measurement import NAMES, Measurement, select_unit


class Compare:
    """A table of measurements for each label: a row for each sub-label, a column for each description.

    Same as torch.utils.benchmark.Compare, without colours.

    Parameters
    ----------
    results : list of Measurement

    Examples
    --------
    >>> from fastnn.utils import benchmark
    >>> task = benchmark.TaskSpec("x", "", label="copy", sub_label="small", description="here")
    >>> print(benchmark.Compare([benchmark.Measurement(1, [2e-6], task)]))
    [---- copy ----]
               | here
    1 threads: | -----
         small | 2.0
    <BLANKLINE>
    Times are in microseconds (us).
    """

    def __init__(self, results):
        self._results, self._trim = [], False
        self.extend_results(results)

    def extend_results(self, results):
        """Add measurements.

        Parameters
        ----------
        results : list of Measurement
        """
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self):
        """Show no more digits than the times' spread lets stand."""
        self._trim = True

    def colorize(self, rowwise=False):
        """Accepted, without effect.

        Parameters
        ----------
        rowwise : bool
        """

    def highlight_warnings(self):
        """Accepted, without effect."""

    def print(self):
        """Print the table."""
        print(str(self))

    def __str__(self):
        groups = {}
        for result in Measurement.merge(self._results):
            groups.setdefault(result.task_spec.label, []).append(result)
        return "\n\n".join(self._table(label, group) for label, group in groups.items())

    def _table(self, label, results):
        unit, scale = select_unit(min(m.median for m in results))
        columns = list(dict.fromkeys(m.task_spec.description or "" for m in results))
        threads = list(dict.fromkeys(m.task_spec.num_threads for m in results))
        rows = list(dict.fromkeys((m.task_spec.num_threads, m.task_spec.env, m.as_row_name) for m in results))
        cells = {}
        for m in results:
            value = m.median / scale
            digits = max(0, m.significant_figures - len(str(int(value)))) if self._trim else 1
            place = (m.task_spec.num_threads, m.task_spec.env, m.as_row_name), m.task_spec.description or ""
            cells[place] = f"{value:.{digits}f}"
        names = {row: (f"({row[1]}) " if row[1] else "") + row[2] for row in rows}
        first = max(len(f"{n} threads:") for n in threads)
        first = max(first, *(len(name) + 2 for name in names.values()))
        widths = [max(len(column), 5, *(len(cells.get((row, column), "")) for row in rows)) for column in columns]
        lines = [" " * first + "".join(f" | {column:<{w}}" for column, w in zip(columns, widths))]
        for count in threads:
            lines.append(f"{f'{count} threads:':<{first}}" + "".join(f" | {'-' * w}" for w in widths))
            for row in rows:
                if row[0] == count:
                    lines.append(f"{names[row]:>{first}}" + "".join(
                        f" | {cells.get((row, column), ''):<{w}}" for column, w in zip(columns, widths)))
        title = f" {label or 'Times'} "
        lines.insert(0, f"[{title:-^{len(title) + 8}}]")
        return "\n".join(line.rstrip() for line in lines) + f"\n\nTimes are in {NAMES[unit]} ({unit})."
