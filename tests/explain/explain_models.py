"""Networks that the tests explain: small, of random weights, in the PyTorch door's words, for either library."""
import numpy as np

import fastnn


def build(torch, kind, dtype="float64"):
    """(model in evaluation mode, inputs, targets) by PyTorch's names: `torch` is fastnn or PyTorch itself."""
    nn = torch.nn

    class Recurrent(nn.Module):
        def __init__(self, cell=nn.LSTM):
            super().__init__()
            self.rnn, self.head = cell(4, 6, batch_first=True), nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0][:, -1])

    class Attention(nn.Module):
        def __init__(self, **activation):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, **activation)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.encoder(x).mean(1))

    made = {
        "linear": lambda: (nn.Linear(5, 3), (4, 5)),
        "dense": lambda: (nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)),
                          (4, 5)),
        "conv": lambda: (nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 5, 3),
                                       nn.ReLU(), nn.Flatten(), nn.Linear(20, 3)), (4, 1, 8, 8)),
        "pooled": lambda: (nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3),
                                         nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(5, 3)), (4, 1, 8, 8)),
        "recurrent": lambda: (Recurrent(), (4, 7, 4)),
        "attention": lambda: (Attention(activation=nn.ReLU()), (4, 5, 8)),
        "encoder": lambda: (Attention(), (4, 5, 8)),  # its ReLU is a function
    }
    torch.manual_seed(3)
    model, shape = made[kind]()
    model = model.to(getattr(torch, dtype)).eval()
    inputs = torch.randn(*shape, dtype=getattr(torch, dtype))
    return model, inputs, torch.tensor([0, 1, 2, 1])


def fitted(torch, captum):
    """What Captum's KernelShap and LIME give on a library of PyTorch's names, which Captum must have imported."""
    rng, found = np.random.default_rng(0), {}
    weight, last, x = (torch.tensor(rng.normal(size=size).astype("float32")) for size in ((6, 4), (4,), (1, 6)))
    masks = {"all": None, "groups": torch.tensor([[0, 1, 0, 1, 2, 1]])}
    for name in ("KernelShap", "Lime"):
        for features, mask in masks.items():
            for count in (40, 150):
                torch.manual_seed(2)
                method = getattr(captum, name)(lambda x: torch.tanh(x @ weight) @ last)
                found[f"{name} {features} {count}"] = method.attribute(
                    x, feature_mask=mask, n_samples=count).flatten().tolist()
    return found


def keras_model(kind):
    """(a model of the Keras door with softmax at its end, inputs in float32)."""
    from fastnn.keras import Input, Sequential, layers, utils
    utils.set_random_seed(5)
    made = {
        "dense": lambda: ([Input((5,)), layers.Dense(8, activation="relu"), layers.Dense(6, activation="tanh"),
                           layers.Dense(3, activation="softmax")], (4, 5)),
        "conv": lambda: ([Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(2),
                          layers.Flatten(), layers.Dense(3, activation="softmax")], (4, 8, 8, 1)),
        "recurrent": lambda: ([Input((7, 4)), layers.LSTM(6, return_sequences=True), layers.GRU(5, reset_after=False),
                               layers.Dense(3, activation="softmax")], (4, 7, 4)),
        "both": lambda: ([Input((7, 4)), layers.Bidirectional(layers.GRU(6)), layers.Dense(3, activation="softmax")],
                         (4, 7, 4)),
    }
    stack, shape = made[kind]()
    fastnn.manual_seed(3)
    return Sequential(stack), fastnn.randn(*shape)
