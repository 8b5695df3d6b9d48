"""Learning rates that change with the step, as ``keras.optimizers.schedules``."""
from fastnn.keras.saving import objects


class LearningRateSchedule:
    """Base of schedules: ``schedule(step)`` gives the rate."""

    def __call__(self, step):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`.")

    def get_config(self):
        """The constructor's arguments."""
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order "
                                  f"to be serializable.")

    @classmethod
    def from_config(cls, config):
        """A schedule of these arguments."""
        return cls(**config)


def serialize(learning_rate_schedule):
    """The record of a schedule."""
    return objects.serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule of a record."""
    return objects.deserialize_keras_object(config, custom_objects)
