"""Networks of 3 x 3 convolutions and three linear layers (Simonyan & Zisserman 2014)."""
from fastnn import nn
from fastnn.vision.models._weights import constructor

__all__ = ["VGG", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"]

# Convolutions of each of the five stages, which end with pooling.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Features, an average over 7 x 7 windows, a classifier.

    Parameters
    ----------
    features : Module
    num_classes : int
    init_weights : bool
        Whether weights are drawn anew, as for training from the start.
    dropout : float
    """

    def __init__(self, features, num_classes=1000, init_weights=True, dropout=0.5):
        super().__init__()
        self.features, self.avgpool = features, nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(p=dropout), nn.Linear(4096, 4096), nn.ReLU(True),
            nn.Dropout(p=dropout), nn.Linear(4096, num_classes))
        if init_weights:
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                    if m.bias is not None:
                        nn.init.constant_(m.bias, 0)
                elif isinstance(m, nn.BatchNorm2d):
                    nn.init.constant_(m.weight, 1)
                    nn.init.constant_(m.bias, 0)
                elif isinstance(m, nn.Linear):
                    nn.init.normal_(m.weight, 0, 0.01)
                    nn.init.constant_(m.bias, 0)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def make_layers(cfg, batch_norm=False):
    """Convolutions with ReLU of the given widths, in a row.

    Parameters
    ----------
    cfg : list
        Widths, and "M" for pooling.
    batch_norm : bool
    """
    layers, inputs = [], 3
    for width in cfg:
        if width == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(inputs, width, 3, padding=1), *[nn.BatchNorm2d(width)] * batch_norm,
                   nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers)


def _features(depth, batch_norm):
    widths = [[width] * count + ["M"] for width, count in zip(WIDTHS, STAGES[depth])]
    return make_layers(sum(widths, []), batch_norm)


def _of(depth, batch_norm):
    def network(**kwargs):
        return VGG(_features(depth, batch_norm), **kwargs)
    network.__name__ = "VGG"
    return constructor(network, f"vgg{depth}{'_bn' * batch_norm}",
                       f"A VGG network of {depth} layers{' with batch normalization' * batch_norm}.",
                       ("classifier[-1].out_features", 3), "num_classes=3, init_weights=False",
                       (("init_weights", False),))


vgg11, vgg13, vgg16, vgg19 = (_of(depth, False) for depth in STAGES)
vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn = (_of(depth, True) for depth in STAGES)
