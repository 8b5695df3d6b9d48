"""Every kernel in pure NumPy: same names, signatures and results as `fastnn.kernels`, written to be read."""
from fastnn.reference.attention import attention_backward, attention_forward
from fastnn.reference.clip import scale_arrays, total_norm
from fastnn.reference.conv import conv_backward_input, conv_backward_weight, conv_forward
from fastnn.reference.dropout import dropout_backward, dropout_forward
from fastnn.reference.elementwise import (add_into, binary, binary_into, compare, copy, copy_into, unary_backward,
                                          unary_forward, unary_saves, where)
from fastnn.reference.embedding import embedding_backward, embedding_bag_forward, embedding_forward
from fastnn.reference.gemm import matmul
from fastnn.reference.linear import linear_backward, linear_forward
from fastnn.reference.loss import (cross_entropy_backward, cross_entropy_forward, nll_backward, nll_forward,
                                   pointwise_loss_backward, pointwise_loss_forward)
from fastnn.reference.lbfgs import lbfgs_direction
from fastnn.reference.normalization import (batch_norm_backward, batch_norm_forward, group_norm_backward,
                                            group_norm_forward, layer_norm_backward, layer_norm_forward, variance)
from fastnn.reference.optim import adadelta_step, adagrad_step, asgd_step, rmsprop_step, rprop_step, sgd_step
from fastnn.reference.optim_adam import adam_step, adamax_step, nadam_step, radam_step
from fastnn.reference.optim_factor import adafactor_step
from fastnn.reference.pool import (adaptive_avg_pool_backward, adaptive_avg_pool_forward, adaptive_max_pool_forward,
                                   avg_pool_backward, avg_pool_forward, max_pool_backward, max_pool_forward)
from fastnn.reference.recurrent import recurrent_backward, recurrent_forward
from fastnn.reference.reduce import argreduce, cumulate, reduce, sum_to
from fastnn.reference.resample import resample_backward, resample_forward, unfold_backward, unfold_forward
from fastnn.reference.softmax import logsumexp, softmax_backward, softmax_forward
