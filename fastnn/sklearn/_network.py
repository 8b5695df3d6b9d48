"""What an estimator's parameters mean to the engine: activations, losses, optimizers."""
from sklearn.utils._param_validation import InvalidParameterError

from fastnn import kernels
from fastnn.training.dense import DenseOptimizer

# Names of hidden activations: scikit-learn's four, and more by the engine's names.
ACTIVATIONS = {
    "identity": None, "logistic": "sigmoid", "tanh": "tanh", "relu": "relu",
    "sigmoid": "sigmoid", "leaky_relu": ("leaky_relu", 0.01, 0.0), "elu": ("elu", 1.0, 0.0), "selu": "selu",
    "gelu": "gelu", "silu": "silu", "swish": "silu", "mish": "mish", "relu6": "relu6", "hardswish": "hardswish",
    "softplus": ("softplus", 1.0, 20.0), "softsign": "softsign",
}
# Regression: loss -> (the engine's, activation of the outputs, whether the reported value is a mean over outputs).
REGRESSION = {
    "squared_error": ("mse", "identity", True), "absolute_error": ("l1", "identity", True),
    "huber": ("huber", "identity", True), "quantile": ("pinball", "identity", True),
    "poisson": ("poisson_nll_log_input", "exp", False),
}
# Activation of the outputs -> the engine's map; softmax is a kernel of its own.
OUTPUTS = {"identity": None, "logistic": "sigmoid", "exp": "exp"}


def regression_loss(name, outputs, quantile, delta):
    """Settings of a `DenseStack` whose gradient is that of the loss summed over outputs, as scikit-learn's is."""
    if callable(name):
        return {"loss": name}
    engine, _, mean = REGRESSION[name]
    half = 0.5 if name == "squared_error" else 1.0
    return {"loss": engine, "a": quantile if name == "quantile" else delta, "grad_scale": half * outputs,
            "loss_scale": half * (1 if mean else outputs)}


def classification_loss(name, outputs, multiclass):
    if callable(name):
        return {"loss": name}
    if multiclass:
        return {"loss": "cross_entropy"}
    return {"loss": "bce_with_logits", "grad_scale": outputs, "loss_scale": outputs}


def threads(n_jobs):
    """The limit of threads that `n_jobs` means; 0: none of its own."""
    if n_jobs is None or n_jobs == -1:
        return 0
    if n_jobs == 0:
        raise InvalidParameterError("n_jobs: expected None, the most threads to use, or a negative number (-1: all, "
                                    "-2: all but one), got 0")
    most = kernels.get_num_threads()
    return min(int(n_jobs), most) if n_jobs > 0 else max(1, most + 1 + int(n_jobs))


class Optimizer(DenseOptimizer):
    """SGD or Adam with scikit-learn's parameters and its policies of learning rates.

    Attributes
    ----------
    learning_rate : float
        The present one; callbacks may set it.
    """

    def __init__(self, estimator, params):
        self.policy, self.power_t = estimator.learning_rate, estimator.power_t
        self.learning_rate_init = float(estimator.learning_rate_init)
        decay = {"weight_decay": float(estimator.weight_decay), "decoupled": True} if estimator.weight_decay else {}
        if estimator.solver == "adam":
            super().__init__("adam", params, self.learning_rate_init, beta1=float(estimator.beta_1),
                             beta2=float(estimator.beta_2), eps=float(estimator.epsilon), outer_eps=True, **decay)
        else:
            momentum = float(estimator.momentum)
            super().__init__("sgd", params, self.learning_rate_init, momentum=momentum,
                             nesterov=bool(estimator.nesterovs_momentum and momentum > 0), **decay)

    @property
    def learning_rate(self):
        return self.lr

    @learning_rate.setter
    def learning_rate(self, value):
        value = float(value)
        if self.name == "sgd" and self.state and value != self.lr:
            # scikit-learn's velocities contain the rates of the steps they come from; these buffers do not
            for buffer in self.state[0]:
                buffer *= self.lr / value if value else 0.0
        self.lr = value

    def epoch_ends(self, samples_seen):
        """The policies that change the rate epoch by epoch."""
        if self.name == "sgd" and self.policy == "invscaling":
            self.learning_rate = self.learning_rate_init / (samples_seen + 1) ** self.power_t

    def stops(self, message, verbose):
        """Whether training ends because nothing improved; "adaptive" makes the rate smaller first."""
        if self.name != "sgd" or self.policy != "adaptive":
            self._tell(verbose, f"{message} Stopping.")
            return True
        if self.learning_rate <= 1e-6:
            self._tell(verbose, f"{message} Learning rate too small. Stopping.")
            return True
        self.learning_rate /= 5.0
        self._tell(verbose, f"{message} Setting learning rate to {self.learning_rate:f}")
        return False

    @staticmethod
    def _tell(verbose, message):
        if verbose:
            print(message)
