"""Networks whose layers see the outputs of all layers before them (Huang et al. 2017)."""
from fastnn import nn
from fastnn.nn import functional
from fastnn.ops.joining import cat
from fastnn.utils import checkpoint
from fastnn.vision.models._weights import constructor

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]


class _DenseLayer(nn.Module):
    """A bottleneck of 1 x 1 filters and `growth_rate` filters of 3 x 3, over everything so far."""

    def __init__(self, num_input_features, growth_rate, bn_size, drop_rate, memory_efficient=False):
        super().__init__()
        hidden = bn_size * growth_rate
        self.norm1, self.relu1 = nn.BatchNorm2d(num_input_features), nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, hidden, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(hidden), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(hidden, growth_rate, 3, padding=1, bias=False)
        self.drop_rate, self.memory_efficient = float(drop_rate), memory_efficient

    def _bottleneck(self, *parts):
        return self.conv1(self.relu1(self.norm1(cat(parts, 1))))

    def forward(self, input):
        parts = input if isinstance(input, (list, tuple)) else [input]
        if self.memory_efficient and any(part.requires_grad for part in parts):
            hidden = checkpoint.checkpoint(self._bottleneck, *parts, use_reentrant=False)
        else:
            hidden = self._bottleneck(*parts)
        new = self.conv2(self.relu2(self.norm2(hidden)))
        return functional.dropout(new, self.drop_rate, self.training) if self.drop_rate > 0 else new


class _DenseBlock(nn.ModuleDict):
    """Layers that each add `growth_rate` channels."""

    def __init__(self, num_layers, num_input_features, bn_size, growth_rate, drop_rate, memory_efficient=False):
        super().__init__()
        for i in range(num_layers):
            self[f"denselayer{i + 1}"] = _DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size,
                                                     drop_rate, memory_efficient)

    def forward(self, init_features):
        parts = [init_features]
        for layer in self.values():
            parts.append(layer(parts))
        return cat(parts, 1)


class _Transition(nn.Sequential):
    """Half of the size, other channels."""

    def __init__(self, num_input_features, num_output_features):
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(num_input_features), nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, 1, bias=False)
        self.pool = nn.AvgPool2d(2, 2)


class DenseNet(nn.Module):
    """Dense blocks with transitions between them, a classifier.

    Parameters
    ----------
    growth_rate : int
        Channels that each layer adds.
    block_config : sequence of int
        Layers of each block.
    num_init_features : int
        Channels of the first convolution.
    bn_size : int
        Channels of bottlenecks, in growth rates.
    drop_rate : float
        Dropout after each layer.
    num_classes : int
    memory_efficient : bool
        Whether bottlenecks are computed again in backward instead of being kept.
    """

    def __init__(self, growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, bn_size=4, drop_rate=0,
                 num_classes=1000, memory_efficient=False):
        super().__init__()
        width = num_init_features
        self.features = nn.Sequential()
        for name, layer in (("conv0", nn.Conv2d(3, width, 7, 2, 3, bias=False)), ("norm0", nn.BatchNorm2d(width)),
                            ("relu0", nn.ReLU(inplace=True)), ("pool0", nn.MaxPool2d(3, 2, 1))):
            self.features.add_module(name, layer)
        for i, count in enumerate(block_config):
            self.features.add_module(f"denseblock{i + 1}", _DenseBlock(count, width, bn_size, growth_rate, drop_rate,
                                                                       memory_efficient))
            width += count * growth_rate
            if i < len(block_config) - 1:
                self.features.add_module(f"transition{i + 1}", _Transition(width, width // 2))
                width //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.Linear):
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = functional.relu(self.features(x), inplace=True)
        return self.classifier(functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


def _of(layers, growth_rate, block_config, num_init_features):
    return constructor(DenseNet, f"densenet{layers}", f"A `DenseNet` of {layers} layers.",
                       ("classifier.out_features", 3), growth_rate=growth_rate, block_config=block_config,
                       num_init_features=num_init_features)


densenet121 = _of(121, 32, (6, 12, 24, 16), 64)
densenet161 = _of(161, 48, (6, 12, 36, 24), 96)
densenet169 = _of(169, 32, (6, 12, 32, 32), 64)
densenet201 = _of(201, 32, (6, 12, 48, 32), 64)
