"""Residual networks with normalisation before the convolutions (He et al., 2016)."""
from fastnn.keras.applications._building import decode_predictions, preprocessing
from fastnn.keras.applications.resnet import _resnet

__all__ = ["ResNet101V2", "ResNet152V2", "ResNet50V2", "decode_predictions", "preprocess_input"]

ResNet50V2 = _resnet(50, (3, 4, 6, 3), "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917", True)
ResNet101V2 = _resnet(101, (3, 4, 23, 3), "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5",
                      True)
ResNet152V2 = _resnet(152, (3, 8, 36, 3), "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33",
                      True)
preprocess_input = preprocessing("tf")
