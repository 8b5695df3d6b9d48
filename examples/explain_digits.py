"""Why does a network read a digit as it does? Four networks, explained by the methods of fastnn.explain.

The feedforward, recurrent, convolutional and self-attention networks of keras_digits.py learn digits. Maps of what
their decisions rest on are drawn over some digits. How good a map is shows when pixels are taken away in its order:
the network's certainty must fall sooner than in random order. Integrated gradients must share out the whole
difference to an empty image.
"""
import argparse

import numpy as np
from _data import digits
from keras_digits import NETWORKS

import fastnn
from fastnn import explain, keras

METHODS = {
    "saliency": lambda model: explain.Saliency(model).attribute,
    "input x gradient": lambda model: explain.InputXGradient(model).attribute,
    "integrated gradients": lambda model: explain.IntegratedGradients(model).attribute,
    "gradient SHAP": lambda model: lambda x, target: explain.GradientShap(model).attribute(
        x, baselines=fastnn.zeros_like(x[:1]), target=target),
    "ablation": lambda model: explain.FeatureAblation(model).attribute,
}


def logits(model):
    """The network without its softmax, whose outputs saturate: scores up to a constant of each row."""
    return lambda x: (model(x) + 1e-12).log()


def picture(path, maps):
    """PNG: a row for each network, over one of its digits; a column for each method."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(2 * len(METHODS), 2.1 * len(maps)), layout="constrained")
    axes = figure.subplots(len(maps), len(METHODS), squeeze=False)
    for row, (network, (images, labels, found)) in enumerate(maps.items()):
        for column, (method, values) in enumerate(found.items()):
            explain.heat_map(values[row], images[row], colorbar=False, ax=axes[row, column])
            axes[row, column].set_title(f"{network}: a {labels[row]}\n{method}", fontsize=8)
    figure.savefig(path, dpi=120)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA, else scikit-learn's digits)")
    parser.add_argument("--network", choices=[*NETWORKS, "all"], default="all")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=2000, help="most images to learn from")
    parser.add_argument("--images", type=int, default=20, help="images to explain")
    parser.add_argument("--out", default="explained.png")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    data = digits(args.root)
    x, y = (part[:args.samples] for part in data.train)
    results, maps = {}, {}
    for name in NETWORKS if args.network == "all" else [args.network]:
        keras.utils.set_random_seed(args.seed)
        model = NETWORKS[name](x.shape[1])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=args.epochs, batch_size=32, verbose=0)
        right = np.flatnonzero(model.predict(data.test[0][:500], verbose=0).argmax(1) == data.test[1][:500])
        chosen = right[:args.images]
        images, labels = fastnn.from_numpy(data.test[0][chosen]), fastnn.from_numpy(data.test[1][chosen])
        score = logits(model)
        found = {method: make(score)(images, target=labels) for method, make in METHODS.items()}
        _, rest = explain.IntegratedGradients(score).attribute(images, target=labels, n_steps=200,
                                                               return_convergence_delta=True)
        rng = np.random.default_rng(args.seed)
        order = {"random order": fastnn.from_numpy(rng.random(images.shape).astype(np.float32)), **found}
        areas = {method: explain.deletion_curve(model, images, values, target=labels).area.mean().item()
                 for method, values in order.items()}
        maps[name] = images, labels.tolist(), found
        results[name] = {"rest": rest.abs().max().item(), **areas}
        print(f"{name}: integrated gradients leave {results[name]['rest']:.4f} of the difference; area under the "
              f"certainty while pixels are taken away:", flush=True)
        print("  " + ", ".join(f"{method} {area:.3f}" for method, area in areas.items()))
    picture(args.out, maps)
    print(f"saved {args.out}")
    return results


if __name__ == "__main__":
    main()
