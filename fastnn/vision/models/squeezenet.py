"""SqueezeNet: few parameters by 1 x 1 convolutions (Iandola et al. 2016)."""
from fastnn import nn
from fastnn.ops.joining import cat
from fastnn.vision.models._weights import constructor

__all__ = ["Fire", "SqueezeNet", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """A 1 x 1 convolution to few channels, then 1 x 1 and 3 x 3 ones side by side.

    Parameters
    ----------
    inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes : int
    """

    def __init__(self, inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes):
        super().__init__()
        self.inplanes = inplanes
        self.squeeze, self.squeeze_activation = nn.Conv2d(inplanes, squeeze_planes, 1), nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        return cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


# first convolution, then squeezed and expanded channels of each block; None: pooling
LAYERS = {"1_0": ((96, 7), [None, (16, 64), (16, 64), (32, 128), None, (32, 128), (48, 192), (48, 192), (64, 256), None,
                            (64, 256)]),
          "1_1": ((64, 3), [None, (16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256),
                            (64, 256)])}


class SqueezeNet(nn.Module):
    """The network.

    Parameters
    ----------
    version : {"1_0", "1_1"}
    num_classes : int
    dropout : float
    """

    def __init__(self, version="1_0", num_classes=1000, dropout=0.5):
        super().__init__()
        if version not in LAYERS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        (inputs, size), blocks = LAYERS[version]
        layers = [nn.Conv2d(3, inputs, size, stride=2), nn.ReLU(inplace=True)]
        for block in blocks:
            if block is None:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            else:
                layers.append(Fire(inputs, block[0], block[1], block[1]))
                inputs = 2 * block[1]
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(512, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), last, nn.ReLU(inplace=True),
                                        nn.AdaptiveAvgPool2d((1, 1)))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                if m is last:
                    nn.init.normal_(m.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(m.weight)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


squeezenet1_0 = constructor(SqueezeNet, "squeezenet1_0", "SqueezeNet 1.0.", ("num_classes", 3), version="1_0")
squeezenet1_1 = constructor(SqueezeNet, "squeezenet1_1", "SqueezeNet 1.1, of less work than 1.0.", ("num_classes", 3),
                            version="1_1")
