"""A dict of named values."""
import json


class Config:
    """Named values as attributes and as items, that can be frozen.

    Examples
    --------
    >>> config = Config(rate=0.1)
    >>> config.steps = 3
    >>> config["steps"], config.rate, list(config)
    (3, 0.1, ['rate', 'steps'])
    """

    def __init__(self, **kwargs):
        vars(self).update(_config=kwargs, _frozen=False)

    @property
    def frozen(self):
        """Whether it refuses changes."""
        return self._frozen

    def freeze(self):
        """Refuse changes."""
        vars(self)["_frozen"] = True

    def unfreeze(self):
        """Allow changes again."""
        vars(self)["_frozen"] = False

    def _changed(self):
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")
        return self._config

    def as_dict(self):
        """A dict of the values."""
        return dict(self._config)

    def to_json(self):
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self):
        return self._config.keys()

    def values(self):
        return self._config.values()

    def items(self):
        return self._config.items()

    def get(self, keyname, value=None):
        return self._config.get(keyname, value)

    def pop(self, *args):
        return self._changed().pop(*args)

    def update(self, *args, **kwargs):
        self._changed().update(*args, **kwargs)

    def __setattr__(self, name, value):
        self._changed()[name] = value

    def __getattr__(self, name):
        found = vars(self).get("_config", {})
        if name in found:
            return found[name]
        import difflib
        close = difflib.get_close_matches(name, found, n=1, cutoff=0.7)
        raise AttributeError(f"Unknown attribute: '{name}'." + (f" Did you mean '{close[0]}'?" if close else ""))

    def __setitem__(self, key, item):
        self._changed()[key] = item

    def __getitem__(self, key):
        return self._config[key]

    def __delitem__(self, key):
        del self._changed()[key]

    def __contains__(self, item):
        return item in self._config

    def __iter__(self):
        return iter(sorted(self._config))

    def __len__(self):
        return len(self._config)

    def __repr__(self):
        return f"<Config {self._config}>"
