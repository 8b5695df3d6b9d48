"""A network that was trained here, run by ONNX Runtime.

A small convolutional network learns digits and is written as an ONNX file whose batch stays open. ONNX Runtime (or,
where that is not installed, ONNX's own evaluator) reads the file and gives the same scores. Needs the package onnx.
"""
import argparse

import numpy as np
from _data import digits

import fastnn
from fastnn import nn, optim
from fastnn.nn import functional as F
from fastnn.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.out = nn.Linear(8 * (side // 2) ** 2, 10)

    def forward(self, x):
        x = self.features(x)
        return self.out(x.view(x.size(0), -1))


def runner(path):
    """A function from images to scores that knows nothing but the file; and who computes it."""
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator
        return ReferenceEvaluator(path), "ONNX's evaluator"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]), "ONNX Runtime"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", help="folder that has MNIST/raw")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--file", default="digits.onnx")
    args = parser.parse_args(argv)
    fastnn.manual_seed(0)
    data = digits(args.root)
    images, labels = [fastnn.from_numpy(array) for array in data.train]
    test, answers = data.test[0][:1000, None], data.test[1][:1000]
    model = Net(images.shape[-1])
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(args.epochs):
        for x, y in DataLoader(TensorDataset(images.unsqueeze(1), labels), 64, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")

    program = fastnn.onnx.export(model, (images[:2].unsqueeze(1),), args.file, input_names=["image"],
                                 output_names=["scores"], dynamic_axes={"image": {0: "batch"}})
    print(f"{args.file}: {', '.join(node.op_type for node in program.model_proto.graph.node)}")
    model.eval()
    session, who = runner(args.file)
    difference = 0.0
    for batch in (1, 7, len(test)):
        with fastnn.no_grad():
            ours = model(fastnn.from_numpy(test[:batch])).numpy()
        theirs, = session.run(None, {"image": test[:batch]})
        difference = max(difference, float(np.abs(ours - theirs).max()))
    right = float((theirs.argmax(1) == answers).mean())
    print(f"{who}: {100 * right:.1f} % of {len(test)} digits right, largest difference of a score {difference:.1e}")
    return right, difference


if __name__ == "__main__":
    main()
