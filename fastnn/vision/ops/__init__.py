"""Operations of detection and layers of image models, under the names of ``torchvision.ops``."""
from fastnn.vision.ops.boxes import (batched_nms, box_area, box_convert, box_iou, clip_boxes_to_image,
                                     complete_box_iou, distance_box_iou, generalized_box_iou, masks_to_boxes, nms,
                                     remove_small_boxes)
from fastnn.vision.ops.losses import (complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss,
                                      sigmoid_focal_loss)
from fastnn.vision.ops.misc import (Conv2dNormActivation, Conv3dNormActivation, FrozenBatchNorm2d, MLP, Permute,
                                    SqueezeExcitation, StochasticDepth, stochastic_depth)
from fastnn.vision.ops.regions import RoIAlign, roi_align

__all__ = ["Conv2dNormActivation", "Conv3dNormActivation", "FrozenBatchNorm2d", "MLP", "Permute", "RoIAlign",
           "SqueezeExcitation", "StochasticDepth", "batched_nms", "box_area", "box_convert", "box_iou",
           "clip_boxes_to_image", "complete_box_iou", "complete_box_iou_loss", "distance_box_iou",
           "distance_box_iou_loss", "generalized_box_iou", "generalized_box_iou_loss", "masks_to_boxes", "nms",
           "remove_small_boxes", "roi_align", "sigmoid_focal_loss", "stochastic_depth"]
