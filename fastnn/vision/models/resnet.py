"""Residual networks (He et al. 2015; ResNeXt: Xie et al. 2016; wide ones: Zagoruyko & Komodakis 2016)."""
from fastnn import nn
from fastnn.vision.models._weights import constructor

__all__ = ["BasicBlock", "Bottleneck", "ResNet", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
           "resnext50_32x4d", "wide_resnet50_2"]


def _conv3x3(inputs, outputs, stride=1, groups=1, dilation=1):
    return nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, groups, bias=False)


def _conv1x1(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions, whose result is added to their input.

    Parameters
    ----------
    inplanes, planes, stride : int
    downsample : Module, optional
        Brings the input to the result's shape.
    groups, base_width, dilation : int
        1, 64, 1 alone.
    norm_layer : callable, optional
    """

    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1,
                 norm_layer=None):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1, self.bn1 = _conv3x3(inplanes, planes, stride), norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2, self.bn2 = _conv3x3(planes, planes), norm_layer(planes)
        self.downsample, self.stride = downsample, stride

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Convolutions of 1 x 1, 3 x 3 and 1 x 1, whose result is added to their input.

    Parameters
    ----------
    inplanes, planes, stride : int
    downsample : Module, optional
    groups, base_width, dilation : int
    norm_layer : callable, optional
        As in `BasicBlock`; the stride is that of the 3 x 3 convolution.
    """

    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1,
                 norm_layer=None):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1, self.bn1 = _conv1x1(inplanes, width), norm_layer(width)
        self.conv2, self.bn2 = _conv3x3(width, width, stride, groups, dilation), norm_layer(width)
        self.conv3, self.bn3 = _conv1x1(width, planes * self.expansion), norm_layer(planes * self.expansion)
        self.relu, self.downsample, self.stride = nn.ReLU(inplace=True), downsample, stride

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A residual network: a convolution, four stages of blocks, an average, a linear layer.

    Parameters
    ----------
    block : type
        `BasicBlock` or `Bottleneck`.
    layers : list of int
        Blocks of each stage.
    num_classes : int
    zero_init_residual : bool
        Whether each block's last normalization begins with weight 0.
    groups, width_per_group : int
    replace_stride_with_dilation : list of bool, optional
        For the last three stages.
    norm_layer : callable, optional
        Default BatchNorm2d.
    """

    def __init__(self, block, layers, num_classes=1000, zero_init_residual=False, groups=1, width_per_group=64,
                 replace_stride_with_dilation=None, norm_layer=None):
        super().__init__()
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = 64, 1, groups, width_per_group
        dilated = replace_stride_with_dilation or [False, False, False]
        if len(dilated) != 3:
            raise ValueError(f"replace_stride_with_dilation should be None or a 3-element tuple, got {dilated}")
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu, self.maxpool = self._norm_layer(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilated[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilated[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilated[2])
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(512 * block.expansion, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
        if zero_init_residual:
            for m in self.modules():
                last = getattr(m, "bn3", None) if isinstance(m, Bottleneck) else getattr(m, "bn2", None) if \
                    isinstance(m, BasicBlock) else None
                if last is not None and last.weight is not None:
                    nn.init.constant_(last.weight, 0)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        before = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(_conv1x1(self.inplanes, planes * block.expansion, stride),
                                       self._norm_layer(planes * block.expansion))
        made = [block(self.inplanes, planes, stride, downsample, self.groups, self.base_width, before,
                      self._norm_layer)]
        self.inplanes = planes * block.expansion
        made += [block(self.inplanes, planes, 1, None, self.groups, self.base_width, self.dilation, self._norm_layer)
                 for _ in range(1, blocks)]
        return nn.Sequential(*made)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _of(name, block, layers, about, **fixed):
    return constructor(ResNet, name, about, ("fc.out_features", 3), block=block, layers=layers, **fixed)


resnet18 = _of("resnet18", BasicBlock, [2, 2, 2, 2], "A residual network of 18 layers.")
resnet34 = _of("resnet34", BasicBlock, [3, 4, 6, 3], "A residual network of 34 layers.")
resnet50 = _of("resnet50", Bottleneck, [3, 4, 6, 3], "A residual network of 50 layers.")
resnet101 = _of("resnet101", Bottleneck, [3, 4, 23, 3], "A residual network of 101 layers.")
resnet152 = _of("resnet152", Bottleneck, [3, 8, 36, 3], "A residual network of 152 layers.")
resnext50_32x4d = _of("resnext50_32x4d", Bottleneck, [3, 4, 6, 3], "A residual network of 50 layers, whose 3 x 3 "
                      "convolutions have 32 groups.", groups=32, width_per_group=4)
wide_resnet50_2 = _of("wide_resnet50_2", Bottleneck, [3, 4, 6, 3], "A residual network of 50 layers, whose 3 x 3 "
                      "convolutions are twice as wide.", width_per_group=128)
