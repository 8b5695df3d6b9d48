"""scikit-learn's checks of estimators, and its own tests of its networks, on the door's."""
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="these tests need scikit-learn (pip install fastnn-cpu[sklearn])")
import sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from fastnn.sklearn import Autoencoder, MLPClassifier, MLPEnsemble, MLPQuantileRegressor, MLPRegressor

ROOT = Path(__file__).resolve().parents[2]
# What scikit-learn's module tests of private functions.
PRIVATE = {"test_gradient": "calls _loss_grad_lbfgs; gradients are compared with differences in tests/test_dense.py"}


CHECKS = parametrize_with_checks([
    MLPClassifier(max_iter=60), MLPRegressor(max_iter=60), MLPQuantileRegressor(max_iter=60), Autoencoder(max_iter=20),
    MLPClassifier(solver="lbfgs", max_iter=10), MLPRegressor(loss="huber", weight_decay=0.01, max_iter=20),
    MLPEnsemble(MLPClassifier(max_iter=40), 2), MLPEnsemble(MLPRegressor(max_iter=60), 2)])


@pytest.mark.filterwarnings("ignore")  # the checks make their own
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.9"), reason="the networks are those of 1.9")
def test_own_tests():
    """The module of the installed scikit-learn runs with these classes in the places of its own."""
    arguments = ["--pyargs", "sklearn.neural_network.tests.test_mlp", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
                 "-k", " and ".join(f"not {name}" for name in PRIVATE)]
    done = subprocess.run([sys.executable, "-m", "fastnn", "-m", "pytest", *arguments], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert f"{len(PRIVATE)} deselected" in done.stdout and "failed" not in done.stdout
