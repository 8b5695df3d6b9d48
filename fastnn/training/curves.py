"""Learning curves, by matplotlib (``pip install 'fastnn-cpu[plots]'``)."""
import numpy as np

VALIDATION = "val_"


def _panels(history, metrics):
    """{metric: {label: values}}, training and validation of a metric in one panel."""
    if not history or not all(len(values) for values in history.values()):
        raise ValueError("plot_history: the history is empty, no epoch has ended")
    names = list(dict.fromkeys(name.removeprefix(VALIDATION) for name in history)) if metrics is None else metrics
    panels = {}
    for name in names:
        curves = {label: history[key] for label, key in (("training", name), ("validation", VALIDATION + name))
                  if key in history}
        if not curves:
            raise ValueError(f"plot_history: no metric {name!r}, the history has {', '.join(history)}")
        panels[name] = curves
    return panels


def plot_history(history, path=None, metrics=None, log=False):
    """Draw learning curves: a panel for each metric, with its values in training and in validation over the epochs.

    Parameters
    ----------
    history : History or dict
        What `fit` returns, of Keras' door and of `fastnn.training`, or names and a list of values for each; the names
        of validation begin with ``val_``. Of scikit-learn's estimators ``{"loss": model.loss_curve_}``.
    path : str or path, optional
        Where to save the picture; the ending says the format.
    metrics : list of str, optional
        Which panels, in this order, without ``val_``. All by default.
    log : bool
        Logarithmic scale of the values.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        matplotlib is not installed.
    ValueError
        No epoch has ended, or a metric is not in the history.

    Notes
    -----
    A metric that was not computed in every epoch (`validation_freq`) stands at the last of the epochs it is for.

    Examples
    --------
    >>> from fastnn.training import plot_history
    >>> figure = plot_history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.6], "accuracy": [0.5, 0.7, 0.8]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError("plot_history draws with matplotlib, which is not installed: pip install "
                          "'fastnn-cpu[plots]'") from error
    values = getattr(history, "history", history)
    panels = _panels(values, metrics)
    most = max(map(len, values.values()))
    epochs = np.asarray(getattr(history, "epoch", range(most))) + 1
    figure = Figure(figsize=(5.5 * len(panels), 4), layout="constrained")
    for axes, (name, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        for label, curve in curves.items():
            every = most // len(curve)
            axes.plot(epochs[every - 1::every][:len(curve)], curve, label=label,
                      marker="o" if len(curve) == 1 else None)
        axes.set(xlabel="epoch", ylabel=name, yscale="log" if log else "linear")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(which="both", alpha=0.25)
        axes.legend(frameon=False)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
