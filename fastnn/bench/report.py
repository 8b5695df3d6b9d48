"""What was measured, as a table and as a picture."""
import math

from fastnn.bench.peers import TITLES
from fastnn.bench.timing import duration, is_spoilt

WIDTH = 56
SIGN = "~"  # in front of a ratio that noise spoilt


def ratios(times, threads):
    """How many times as long a peer takes as fastnn on so many threads: {peer: (ratio, whether noise spoilt it)}.

    A peer counts at its best number of threads up to this one, and in its best form (PyTorch with and without fused
    optimizer).
    """
    own, best = times.get(f"fastnn-{threads}"), {}
    for key, found in times.items():
        contender, _, n = key.rpartition("-")
        peer = contender.partition("-")[0]
        if peer != "fastnn" and int(n) <= threads and (peer not in best or found["median"] < best[peer]["median"]):
            best[peer] = found
    return {peer: (found["median"] / own["median"], is_spoilt(own, found)) for peer, found in best.items()} \
        if own else {}


def header(group, peers):
    columns = " ".join(f"{title:>12}" for title in (TITLES[name] for name in ("reference", *peers)))
    return f"{group:{WIDTH}} {'threads':>7} {'fastnn':>9} {columns}"


def rows(label, times, thread_counts, peers):
    """Lines of the table: fastnn's time, and how many times as long the others take."""
    for threads in thread_counts:
        found = ratios(times, threads)
        cells = (found.get(name) for name in ("reference", *peers))
        texts = ["-" if cell is None else f"{SIGN if cell[1] else ''}{cell[0]:.3g}x" for cell in cells]
        own = times.get(f"fastnn-{threads}")
        yield (f"{label:{WIDTH}.{WIDTH}} {threads:7d} {duration(own and own['median'])} "
               + " ".join(f"{text:>12}" for text in texts))
        label = ""


def summary(results, threads, peers):
    """Geometric means of the ratios that noise has not spoilt, a line for each peer."""
    found = [ratios(result["times"], threads) for result in results]
    for peer in ("reference", *peers):
        every = [each[peer] for each in found if peer in each]
        good = [value for value, spoilt in every if not spoilt]
        spoilt = f"; {len(every) - len(good)} spoilt by noise left out" if len(good) < len(every) else ""
        if good:
            mean = math.exp(sum(map(math.log, good)) / len(good))
            yield (f"{TITLES[peer]}: {mean:.2f} times as long as fastnn (geometric mean of {len(good)} cases "
                   f"on {threads} threads{spoilt})")
        elif every:
            yield f"{TITLES[peer]}: no mean, noise spoilt all {len(every)} cases"


def picture(path, results, threads, peers, about):
    """A chart of the ratios; the file's ending says its format. Hollow marks are ratios that noise spoilt."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("fastnn bench --picture draws with matplotlib, which is not installed: pip install "
                          "'fastnn-cpu[plots]'") from error
    figure = Figure(figsize=(9, 1.6 + 0.2 * len(results)), layout="constrained")
    axes = figure.add_subplot()
    found = [ratios(result["times"], threads) for result in results]
    for peer, mark, colour in zip(("reference", *peers), "os^Dvp", ("C7", "C1", "C2", "C3", "C4", "C5")):
        for spoilt in (False, True):
            points = [(each[peer][0], row) for row, each in enumerate(found)
                      if peer in each and each[peer][1] == spoilt]
            axes.plot(*zip(*points) if points else ((), ()), mark, color=colour, markersize=5,
                      fillstyle="none" if spoilt else "full", label=None if spoilt else TITLES[peer])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(results)), [result["label"] for result in results], fontsize=7)
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set_xlabel(f"time / fastnn's, {threads} thread{'s' * (threads > 1)}; right of 1 fastnn is faster; "
                    "hollow: spoilt by noise", fontsize=8)
    axes.grid(axis="both", alpha=0.25)
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncols=6, frameon=False, fontsize=8)
    figure.suptitle(about, fontsize=8)
    with rc_context({"svg.fonttype": "none"}):  # letters as letters: a tenth of the size
        figure.savefig(path, dpi=150)
