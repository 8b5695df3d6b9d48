"""fastnn.training.fit: a loop for programs with a model and an optimizer."""
import numpy as np
import pytest

import fastnn
from fastnn import nn, optim
from fastnn.training import ArrayBatches, Callback, LambdaCallback, fit, gradient_step

X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
Y = 3 * X - 1


def test_is_the_loop_that_one_would_write():
    """The same parameters as by hand; the loss is the mean over rows, also with a smaller last batch."""
    found = []
    for by_hand in (True, False):
        fastnn.manual_seed(0)
        model, criterion = nn.Linear(1, 1), nn.MSELoss()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = optim.lr_scheduler.StepLR(optimizer, 4, 0.5)
        batches = ArrayBatches([X, Y], batch_size=16)
        if by_hand:
            losses = []
            for _ in range(3):
                total = 0.0
                for x, y in batches:
                    loss = criterion(model(x), y)
                    optimizer.zero_grad()
                    loss.backward()
                    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                    optimizer.step()
                    schedule.step()
                    total += loss.item() * len(x)
                losses.append(total / len(X))
        else:
            step = gradient_step(lambda batch: criterion(model(batch[0]), batch[1]), optimizer, schedule=schedule,
                                 before=lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5))
            losses = fit(step, batches, 3).history["loss"]
        found.append((losses, [p.tolist() for p in model.parameters()]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    assert found[0][1] == found[1][1]


def test_callbacks_validation_and_progress(capsys):
    model = nn.Linear(1, 1)
    step = gradient_step(lambda batch: (model(batch[0]) - batch[1]).square().mean(),
                         optim.Adam(model.parameters(), lr=0.1))
    seen = []

    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs)
            self.model.stop_training = epoch == 1

    history = fit(step, ArrayBatches([X, Y], shuffle=True), 5, verbose=2, validate=lambda: {"held_out": 1.5},
                  callbacks=[Stop(), LambdaCallback(on_train_begin=lambda logs: seen.append("begin"))])
    assert seen[0] == "begin" and len(seen) == 3 and set(seen[1]) == {"loss", "held_out"}
    assert history.epoch == [0, 1] and history.history["held_out"] == [1.5, 1.5]
    assert "Epoch 2/5" in capsys.readouterr().out


def test_steps_may_return_numbers_and_batches_be_anything():
    assert fit(lambda number: 2.0 * number, [1, 2, 3]).history["loss"] == [4.0]
    assert fit(lambda batch: batch["loss"], [{"loss": fastnn.tensor(3.0)}], epochs=2).history["loss"] == [3.0, 3.0]


def test_errors():
    with pytest.raises(ValueError, match="fit: expected at least one epoch, got 0"):
        fit(lambda batch: 0.0, [1], epochs=0)
    with pytest.raises(ValueError, match="fit: expected batches, got none"):
        fit(lambda batch: 0.0, [])
