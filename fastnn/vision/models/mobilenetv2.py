"""MobileNetV2: inverted residuals of depth-wise convolutions (Sandler et al. 2018)."""
import functools

from fastnn import nn
from fastnn.vision.models._weights import constructor
from fastnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["InvertedResidual", "MobileNetV2", "mobilenet_v2"]
_conv = functools.partial(Conv2dNormActivation, activation_layer=nn.ReLU6)


def _make_divisible(v, divisor, least=None):
    """The multiple of `divisor` nearest to v, not below 9/10 of it."""
    made = max(least or divisor, int(v + divisor / 2) // divisor * divisor)
    return made + divisor if made < 0.9 * v else made


class InvertedResidual(nn.Module):
    """A block that widens, filters each channel, and narrows again.

    Parameters
    ----------
    inp, oup, stride : int
    expand_ratio : int
    norm_layer : callable, optional
    """

    def __init__(self, inp, oup, stride, expand_ratio, norm_layer=None):
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm_layer = norm_layer or nn.BatchNorm2d
        hidden = round(inp * expand_ratio)
        layers = [_conv(inp, hidden, 1, norm_layer=norm_layer)] if expand_ratio != 1 else []
        self.stride, self.use_res_connect, self.out_channels = stride, stride == 1 and inp == oup, oup
        self.conv = nn.Sequential(*layers, _conv(hidden, hidden, stride=stride, groups=hidden, norm_layer=norm_layer),
                                  nn.Conv2d(hidden, oup, 1, bias=False), norm_layer(oup))

    def forward(self, x):
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


# (widening, channels, blocks, stride) of each stage
SETTING = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]


class MobileNetV2(nn.Module):
    """The network.

    Parameters
    ----------
    num_classes : int
    width_mult : float
    inverted_residual_setting : list, optional
    round_nearest : int
    block, norm_layer : callable, optional
    dropout : float
    """

    def __init__(self, num_classes=1000, width_mult=1.0, inverted_residual_setting=None, round_nearest=8, block=None,
                 norm_layer=None, dropout=0.2):
        super().__init__()
        block, norm_layer = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        setting = inverted_residual_setting or SETTING
        if not setting or len(setting[0]) != 4:
            raise ValueError(f"inverted_residual_setting should be non-empty or a 4-element list, got {setting}")
        inputs = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features = [_conv(3, inputs, stride=2, norm_layer=norm_layer)]
        for ratio, channels, count, stride in setting:
            outputs = _make_divisible(channels * width_mult, round_nearest)
            for i in range(count):
                features.append(block(inputs, outputs, stride if i == 0 else 1, ratio, norm_layer))
                inputs = outputs
        features.append(_conv(inputs, self.last_channel, 1, norm_layer=norm_layer))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1)).flatten(1))


mobilenet_v2 = constructor(MobileNetV2, "mobilenet_v2", "MobileNetV2.", ("last_channel", 1280))
