"""``keras.optimizers.legacy``: in older programs another implementation, here the same optimizers."""
from fastnn.keras.optimizers.adam import Adam, Adamax, Nadam
from fastnn.keras.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from fastnn.keras.optimizers.base import Optimizer
from fastnn.keras.optimizers.sgd import SGD
