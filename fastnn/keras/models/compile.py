"""The losses and metrics that `compile` was given, matched with the outputs of a model."""
from collections import namedtuple

from fastnn.keras import losses as losses_module
from fastnn.keras import metrics as metrics_module
from fastnn.keras import naming, tree

_Loss = namedtuple("_Loss", ["path", "loss", "weight", "name"])


def _kind(y_true, y_pred):
    """(is binary, is sparse categorical), by the shapes."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    binary = pred[-1] == 1 if pred else False
    sparse = len(true) < len(pred) or true[-1] == 1 and pred[-1] > 1
    return binary, sparse


def _get_loss(identifier, y_true, y_pred):
    if identifier is None:
        return None
    if str(identifier).lower() in ("crossentropy", "ce"):
        binary, sparse = _kind(y_true, y_pred)
        found = losses_module.binary_crossentropy if binary \
            else losses_module.sparse_categorical_crossentropy if sparse \
            else losses_module.categorical_crossentropy
    else:
        found = losses_module.get(identifier)
    if not isinstance(found, losses_module.Loss):
        name = identifier if isinstance(identifier, str) else naming.object_name(found)
        found = losses_module.LossFunctionWrapper(found, name=name)
    return found


def _get_metric(identifier, y_true, y_pred):
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    if str(identifier).lower() in ("accuracy", "acc"):
        binary, sparse = _kind(y_true, y_pred)
        cls = metrics_module.BinaryAccuracy if binary else metrics_module.SparseCategoricalAccuracy if sparse \
            else metrics_module.CategoricalAccuracy
        return cls(name=str(identifier))
    found = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else naming.object_name(found)
    if not isinstance(found, metrics_module.Metric):
        found = metrics_module.MeanMetricWrapper(found)
    found.name = name
    return found


def _resolve(path, structure):
    for key in path:
        structure = structure[key]
    return structure


class CompileLoss:
    """The loss of a model: one for all outputs, or one for each.

    Parameters
    ----------
    loss : as in `Model.compile`
    loss_weights : float, list or dict, optional
    output_names : list of str, optional
    """

    def __init__(self, loss, loss_weights=None, output_names=None):
        if loss_weights and not isinstance(loss_weights, (list, tuple, dict, float, int)):
            raise ValueError(f"Expected `loss_weights` argument to be a float (single output case) or a list, tuple, "
                             f"or dict (multiple output case). Received instead: loss_weights={loss_weights} of type "
                             f"{type(loss_weights)}")
        self._user_loss, self._user_weights, self.output_names = loss, loss_weights, output_names
        self.losses, self.metrics = None, []

    @property
    def built(self):
        return self.losses is not None

    def build(self, y_true, y_pred):
        """Match the losses with the outputs."""
        loss, weights = self._user_loss, self._user_weights
        if not tree.is_nested(y_pred):
            flat = tree.flatten(loss)
            if isinstance(loss, dict) and self.output_names and set(loss) - set(self.output_names):
                raise ValueError(f"Expected keys {self.output_names} in loss dict, but found loss.keys()={list(loss)}")
            weight = tree.flatten(weights)[0] if weights else None
            self.losses = [_Loss((), _get_loss(flat[0], y_true, y_pred), weight, "loss")]
            return
        paths = [path for path, _ in tree.flatten_with_path(y_pred)]
        names = self._names(y_pred, paths)
        chosen = self._for_outputs("loss", loss, y_pred, paths, names)
        scales = self._for_outputs("loss_weights", weights, y_pred, paths, names) if weights is not None \
            else [None] * len(paths)
        self.losses = []
        for path, name, each, scale in zip(paths, names, chosen, scales):
            if each is not None:
                found = _get_loss(each, _resolve(path, y_true), _resolve(path, y_pred))
                self.losses.append(_Loss(path, found, scale, name))
        if len(self.losses) > 1:
            self.metrics = [metrics_module.Mean(name=f"{each.name}_loss") for each in self.losses]

    def _names(self, y_pred, paths):
        if isinstance(y_pred, dict) and all(len(path) == 1 for path in paths):
            return [str(path[0]) for path in paths]
        if self.output_names and len(self.output_names) == len(paths):
            return list(self.output_names)
        return ["_".join(map(str, path)) if isinstance(path[-1], str) else f"output_{i}"
                for i, path in enumerate(paths)]

    def _for_outputs(self, what, given, y_pred, paths, names):
        """One entry of `given` for each output."""
        if not tree.is_nested(given):
            return [given] * len(paths)
        if isinstance(given, dict):
            if not set(given) <= set(names):
                raise ValueError(f"Expected keys {names} in {what} dict, but found {what}.keys()={list(given)}")
            return [given.get(name) for name in names]
        flat = tree.flatten(given) if len(tree.flatten(given)) == len(paths) else list(given)
        if len(flat) != len(paths):
            if what == "loss_weights":
                raise ValueError(f"`loss_weights` must match the number of losses, got {len(paths)} losses and "
                                 f"{len(flat)} weights.")
            raise KeyError(f"The `loss` argument has {len(flat)} entries, but the model has {len(paths)} outputs: "
                           f"{names}")
        return flat

    def _match(self, y_true, y_pred):
        """The targets in the structure of the predictions."""
        if y_true is None:
            raise ValueError("y_true and y_pred have different structures: there are no targets")
        if isinstance(y_true, dict) and not isinstance(y_pred, dict):
            if self.output_names and set(y_true) == set(self.output_names):
                return tree.pack_sequence_as(y_pred, [y_true[name] for name in self.output_names])
        if isinstance(y_true, dict) and isinstance(y_pred, dict):
            return y_true
        flat, wanted = tree.flatten(y_true), tree.flatten(y_pred)
        if len(flat) == len(wanted):
            return tree.pack_sequence_as(y_pred, flat)
        if not tree.is_nested(y_true) and not tree.is_nested(self._user_loss):
            raise ValueError(f"y_true and y_pred have different structures.\ny_true: *\ny_pred: "
                             f"{tree.map_structure(lambda _: '*', y_pred)}\n")
        losses = tree.flatten(self._user_loss)
        if len(flat) == sum(loss is not None for loss in losses) and len(losses) == len(wanted):
            rest = iter(flat)
            return tree.pack_sequence_as(y_pred, [None if loss is None else next(rest) for loss in losses])
        error = ValueError if tree.is_nested(self._user_loss) else KeyError
        raise error(f"y_true and y_pred have different structures.\ny_true: "
                    f"{tree.map_structure(lambda _: '*', y_true)}\ny_pred: "
                    f"{tree.map_structure(lambda _: '*', y_pred)}\n")

    def __call__(self, y_true, y_pred, sample_weight=None):
        if tree.is_nested(y_pred):
            y_true = self._match(y_true, y_pred)
        elif tree.is_nested(y_true):
            flat = tree.flatten(y_true)
            if len(flat) != 1:
                raise ValueError(f"y_true and y_pred have different structures.\ny_true: "
                                 f"{tree.map_structure(lambda _: '*', y_true)}\ny_pred: *\n")
            y_true = flat[0]
        if self.losses is None:
            self.build(y_true, y_pred)
        total = None
        for i, (path, loss, weight, _) in enumerate(self.losses):
            found = y_pred if not path else _resolve(path, y_pred)
            wanted = y_true if not path else _resolve(path, y_true)
            scale = _resolve(path, sample_weight) if tree.is_nested(sample_weight) and path else sample_weight
            value = loss(wanted, found, scale)
            if self.metrics:
                self.metrics[i].update_state(value.detach(), int(found.shape[0]))
            if weight is not None:
                value = value * weight
            total = value if total is None else total + value
        return total


class CompileMetrics:
    """The metrics of a model, some with sample weights.

    Parameters
    ----------
    metrics, weighted_metrics : as in `Model.compile`
    output_names : list of str, optional
    """

    name = "compile_metrics"

    def __init__(self, metrics, weighted_metrics, output_names=None):
        for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given and not isinstance(given, (list, tuple, dict)):
                raise ValueError(f"Expected `{what}` argument to be a list, tuple, or dict. Received instead: "
                                 f"{what}={given} of type {type(given)}")
        self._user, self.output_names, self.built = (metrics, weighted_metrics), output_names, False
        self._plain = self._weighted = ()

    @property
    def metrics(self):
        return [metric for _, _, metric in [*self._plain, *self._weighted]]

    @property
    def variables(self):
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, y_true, y_pred):
        """Match the metrics with the outputs."""
        paths = [path for path, _ in tree.flatten_with_path(y_pred)]
        if isinstance(y_pred, dict) and all(len(path) == 1 for path in paths):
            names = [str(path[0]) for path in paths]
        elif self.output_names and len(self.output_names) == len(paths):
            names = list(self.output_names)
        else:
            names = [None] * len(paths)
        self._plain, self._weighted = (self._lists(what, given, y_true, y_pred, paths, names)
                                       for what, given in zip(("metrics", "weighted_metrics"), self._user))
        self.built = True

    def _lists(self, what, given, y_true, y_pred, paths, names):
        """Triples (path of the output, its name or None, metric)."""
        if not given:
            return []
        if len(paths) == 1:
            return [(paths[0], None, _get_metric(each, _resolve(paths[0], y_true), _resolve(paths[0], y_pred)))
                    for each in tree.flatten(given)]
        if isinstance(given, dict):
            if not set(given) <= set(names):
                raise ValueError(f"Invalid `{what}`. `{what}` should contain metrics objects and either be a dict or a "
                                 f"list matching the output names of the functional model {self.output_names}. "
                                 f"Received: {what}={given}")
            chosen = [given.get(name) for name in names]
        elif len(given) == len(paths):
            chosen = list(given)
        else:
            raise ValueError(f"Invalid `{what}`. `{what}` should contain metrics objects and either be a dict or a "
                             f"list matching the output names of the functional model {self.output_names}. Received: "
                             f"{what}={given}")
        return [(path, name, _get_metric(each, _resolve(path, y_true), _resolve(path, y_pred)))
                for path, name, entry in zip(paths, names, chosen) if entry is not None
                for each in (entry if isinstance(entry, (list, tuple)) else [entry])]

    def update_state(self, y_true, y_pred, sample_weight=None):
        if tree.is_nested(y_pred) and not isinstance(y_true, dict):
            y_true = tree.pack_sequence_as(y_pred, tree.flatten(y_true)) if \
                len(tree.flatten(y_true)) == len(tree.flatten(y_pred)) else y_true
        elif tree.is_nested(y_pred) and not isinstance(y_pred, dict) and self.output_names:
            y_true = tree.pack_sequence_as(y_pred, [y_true[name] for name in self.output_names])
        elif tree.is_nested(y_true) and not tree.is_nested(y_pred):
            y_true = tree.flatten(y_true)[0]
        if not self.built:
            self.build(y_true, y_pred)
        for path, _, metric in self._plain:
            metric.update_state(_resolve(path, y_true), _resolve(path, y_pred))
        for path, _, metric in self._weighted:
            weight = _resolve(path, sample_weight) if tree.is_nested(sample_weight) and path else sample_weight
            metric.update_state(_resolve(path, y_true), _resolve(path, y_pred), weight)

    def reset_state(self):
        for metric in self.metrics:
            metric.reset_state()

    def result(self):
        """The values by name."""
        found, counts = {}, {}
        for weighted, entries in ((False, self._plain), (True, self._weighted)):
            for _, output, metric in entries:
                name = f"{output}_{metric.name}" if output else metric.name
                if name in counts and weighted:
                    name = f"{output}_weighted_{metric.name}" if output else f"weighted_{metric.name}"
                count = counts.get(name, 0)
                counts[name] = count + 1
                found[f"{name}_{count}" if count else name] = metric.result()
        return found
