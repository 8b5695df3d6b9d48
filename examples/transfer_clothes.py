"""Transfer learning: a network that reads digits learns to tell clothes apart from few labelled pictures.

A convolutional network learns MNIST; its convolutions serve as features for Fashion-MNIST, frozen and fine-tuned,
beside the same network from scratch. Fashion-MNIST is Debian's package dataset-fashion-mnist, or a folder of its four
IDX files.
"""
import argparse

from _data import clothes, digits
from transfer_digits import classifier, compare, features

from fastnn import keras


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clothes", nargs="?", help="folder of Fashion-MNIST's IDX files (default: Debian's)")
    parser.add_argument("--root", help="folder that holds MNIST/raw (default: FASTNN_DATA)")
    parser.add_argument("--labels", type=int, default=10, help="labelled pictures of each kind of clothes")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2, help="over the digits")
    parser.add_argument("--few-epochs", type=int, default=40, help="over the few pictures")
    parser.add_argument("--samples", type=int, default=60000, help="most images of each set to use")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    most = args.samples
    source, target = digits(args.root), clothes(args.clothes)
    (x, y), known, test = ((images[:most, ..., None], labels[:most])
                      for images, labels in (source.train, target.train, target.test))
    if x.shape[1:] != known[0].shape[1:]:
        raise SystemExit(f"expected images of one size, got {source.source} {x.shape[1:]} and {target.source} "
                         f"{known[0].shape[1:]}; name a folder that holds MNIST/raw by --root or FASTNN_DATA")
    keras.utils.set_random_seed(args.seed)
    base = features(x.shape[1])
    model = classifier(base, 10)
    model.fit(x, y, epochs=args.epochs, batch_size=64, verbose=0)
    accuracy = model.evaluate(source.test[0][:most, ..., None], source.test[1][:most], verbose=0)[1]
    print(f"{source.source}: {accuracy:.1%} of the test images right", flush=True)
    return compare(base, known, test, args.labels, args.draws, args.few_epochs, args.seed, f"of {target.source} right")


if __name__ == "__main__":
    main()
