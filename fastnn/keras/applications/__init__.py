"""Known networks, as ``keras.applications``: built as Keras builds them, so that its files of weights fit."""
from fastnn.keras.applications import (densenet, efficientnet, imagenet_utils, inception_resnet_v2, inception_v3,
                                       mobilenet, mobilenet_v2, mobilenet_v3, resnet, resnet50, resnet_v2, vgg16, vgg19,
                                       xception)
from fastnn.keras.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from fastnn.keras.applications.efficientnet import (EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3,
                                                    EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7)
from fastnn.keras.applications.inception_resnet_v2 import InceptionResNetV2
from fastnn.keras.applications.inception_v3 import InceptionV3
from fastnn.keras.applications.mobilenet import MobileNet
from fastnn.keras.applications.mobilenet_v2 import MobileNetV2
from fastnn.keras.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from fastnn.keras.applications.resnet import ResNet50, ResNet101, ResNet152
from fastnn.keras.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from fastnn.keras.applications.vgg16 import VGG16
from fastnn.keras.applications.vgg19 import VGG19
from fastnn.keras.applications.xception import Xception
