"""VGG with 19 layers."""
from fastnn.keras.applications._building import application, decode_predictions, kernels_file, preprocessing
from fastnn.keras.applications.vgg16 import vgg_body, vgg_top

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = application("VGG19", "vgg19", vgg_body((2, 2, 4, 4, 4)), kernels_file(
    "vgg19/", "vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
    "Simonyan and Zisserman, 2014", top=vgg_top, pools=(None, None))
preprocess_input = preprocessing("caffe")
