"""Pictures of attributions, by matplotlib (``pip install 'fastnn-cpu[explain]'``); each function gives its Axes."""
import numpy as np

from fastnn import Tensor


def _pyplot(name):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"explain.{name} draws with matplotlib, which is not installed: pip install "
                          f"'fastnn-cpu[explain]'") from error
    return plt


def _array(values, name, ndims):
    array = values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.ndim not in ndims:
        raise ValueError(f"{name}: expected {' or '.join(map(str, ndims))} dimensions, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite attributions")
    return array


def _limit(array, outliers):
    """The value that gets the full colour: `outliers` percent of the values may lie beyond it."""
    if not 0 <= outliers < 100:
        raise ValueError(f"expected outliers to be a percentage below 100, got {outliers}")
    limit = np.percentile(np.abs(array), 100 - outliers) if array.size else 0.0
    return limit or np.abs(array).max(initial=0.0) or 1.0


def heat_map(attributions, image=None, channels_last=False, outliers=1.0, alpha=0.6, colormap="bwr", colorbar=True,
             ax=None):
    """A map over an image: red where attributions are positive, blue where they are negative.

    Parameters
    ----------
    attributions : Tensor or array
        (height, width), or (channels, height, width), whose sum over channels is shown.
    image : Tensor or array, optional
        Of such a shape, shown beneath in grey, or in colour if it has three channels with values in [0, 1].
    channels_last : bool
        Channels are the last axis.
    outliers : float
        Percentage of values that may exceed the colours' range, which is symmetric around 0.
    alpha : float
        Opacity of the map above an image.
    colormap : str
    colorbar : bool
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import heat_map
    >>> heat_map(fastnn.randn(3, 6, 5)).images[0].get_array().shape
    (6, 5)
    """
    plt = _pyplot("heat_map")
    axis = -1 if channels_last else 0
    values = _array(attributions, "heat_map", (2, 3))
    values = values.sum(axis) if values.ndim == 3 else values
    limit = _limit(values, outliers)
    ax = plt.subplots()[1] if ax is None else ax
    if image is not None:
        below = _array(image, "heat_map", (2, 3))
        if below.ndim == 3:
            below = np.moveaxis(below, axis, -1)
            below = below.clip(0, 1) if below.shape[-1] == 3 else below.mean(-1)
        if below.shape[:2] != values.shape:
            raise ValueError(f"heat_map: expected an image of the attributions' size {values.shape}, got "
                             f"{below.shape[:2]}")
        ax.imshow(below, cmap="gray")
    drawn = ax.imshow(values, cmap=colormap, vmin=-limit, vmax=limit, alpha=1.0 if image is None else alpha)
    ax.set_axis_off()
    if colorbar:
        ax.figure.colorbar(drawn, ax=ax, fraction=0.046)
    return ax


def bars(attributions, names=None, most=20, ax=None):
    """Bars for the columns of a table, the largest attributions on top.

    Parameters
    ----------
    attributions : Tensor or array
        (features,), or (batch, features), whose mean and standard deviation are shown.
    names : list of str, optional
    most : int
        How many features.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import bars
    >>> ax = bars(fastnn.tensor([1.0, -3.0, 0.5]), names=["age", "height", "weight"], most=2)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['age', 'height']
    """
    plt = _pyplot("bars")
    values = _array(attributions, "bars", (1, 2))
    spread = values.std(0) if values.ndim == 2 else None
    values = values.mean(0) if values.ndim == 2 else values
    names = [f"feature {i}" for i in range(len(values))] if names is None else list(names)
    if len(names) != len(values):
        raise ValueError(f"bars: expected {len(values)} names, got {len(names)}")
    order = np.argsort(np.abs(values), kind="stable")[::-1][:most][::-1]
    ax = plt.subplots()[1] if ax is None else ax
    ax.barh(range(len(order)), values[order], xerr=None if spread is None else spread[order],
            color=["tab:red" if value > 0 else "tab:blue" for value in values[order]])
    ax.set_yticks(range(len(order)), [names[i] for i in order])
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_xlabel("attribution")
    return ax


def text(tokens, attributions, outliers=0.0, width=80, ax=None):
    """Words on backgrounds coloured by their attributions.

    Parameters
    ----------
    tokens : list of str
    attributions : Tensor or array
        (tokens,), or (tokens, embedding), whose sum over the embedding is shown.
    outliers : float
        As for `heat_map`.
    width : int
        Characters in a line.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import text
    >>> [word.get_text() for word in text(["a", "good", "film"], fastnn.tensor([0.0, 2.0, 0.3])).texts]
    ['a', 'good', 'film']
    """
    plt = _pyplot("text")
    values = _array(attributions, "text", (1, 2))
    values = values.sum(-1) if values.ndim == 2 else values
    if len(tokens) != len(values):
        raise ValueError(f"text: expected an attribution for each of {len(tokens)} tokens, got {len(values)}")
    limit, colours = _limit(values, outliers), plt.get_cmap("bwr")
    lines, used = [[]], 0
    for token, value in zip(tokens, values):
        if used + len(token) > width and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append((token, value, used))
        used += len(token) + 1
    ax = plt.subplots(figsize=(width / 10, 0.35 * len(lines) + 0.3))[1] if ax is None else ax
    for row, line in enumerate(lines):
        for token, value, at in line:
            ax.text(at, -row, token, family="monospace", va="center", bbox={
                "facecolor": colours(0.5 + 0.5 * np.clip(value / limit, -1, 1)), "edgecolor": "none", "pad": 1.5,
                "alpha": 0.7})
    ax.set_xlim(-1, width)
    ax.set_ylim(-len(lines) + 0.4, 0.6)
    ax.set_axis_off()
    return ax


def layer_relevance(relevances, names=None, ax=None):
    """Relevance by layer: the sums of positive and negative shares, and what is left of both.

    Parameters
    ----------
    relevances : list of Tensor, or dict of names to them
        What `LayerLRP` or another method gives for each layer, from the input on.
    names : list of str, optional
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.explain import layer_relevance
    >>> layer_relevance({"input": fastnn.ones(2, 5), "dense": fastnn.ones(2, 3)}).get_ylabel()
    'relevance of a row'
    """
    plt = _pyplot("layer_relevance")
    if isinstance(relevances, dict):
        names, relevances = list(relevances), list(relevances.values())
    names = [str(i) for i in range(len(relevances))] if names is None else list(names)
    if len(names) != len(relevances):
        raise ValueError(f"layer_relevance: expected {len(relevances)} names, got {len(names)}")
    arrays = [_array(each, "layer_relevance", range(1, 9)) for each in relevances]
    above, below = [[side(each).sum() / len(each) for each in arrays] for side in (
        lambda array: array.clip(min=0), lambda array: array.clip(max=0))]
    ax = plt.subplots()[1] if ax is None else ax
    positions = np.arange(len(arrays))
    ax.bar(positions, above, color="tab:red", label="for")
    ax.bar(positions, below, color="tab:blue", label="against")
    ax.plot(positions, np.add(above, below), "ko-", label="sum")
    ax.set_xticks(positions, names)
    ax.set_ylabel("relevance of a row")
    ax.legend()
    return ax
