"""The floor of fastnn: C kernels, NumPy arrays in and NumPy arrays out.

Each family is a module here and a module of the same name in `fastnn.reference`.
"""
from fastnn.kernels._core import (available_isas, best_isa, binary_names, cached_bytes, compare_names,
                                  conv_implementation, conv_implementations, empty_cache, get_flush_denormal, get_isa,
                                  get_num_threads, has_threads, kernel_names, loss_names, openmp_version,
                                  set_flush_denormal, set_isa, set_num_threads, unary_names)
from fastnn.kernels.attention import attention_backward, attention_forward
from fastnn.kernels.clip import scale_arrays, total_norm
from fastnn.kernels.conv import conv_backward_input, conv_backward_weight, conv_forward
from fastnn.kernels.dropout import dropout_backward, dropout_forward
from fastnn.kernels.elementwise import (add_into, binary, binary_into, compare, copy, copy_into, unary_backward,
                                        unary_forward, unary_saves, where)
from fastnn.kernels.embedding import embedding_backward, embedding_bag_forward, embedding_forward
from fastnn.kernels.gemm import matmul
from fastnn.kernels.linear import linear_backward, linear_forward
from fastnn.kernels.loss import (cross_entropy_backward, cross_entropy_forward, nll_backward, nll_forward,
                                 pointwise_loss_backward, pointwise_loss_forward)
from fastnn.kernels.lbfgs import lbfgs_direction
from fastnn.kernels.norm import (batch_norm_backward, batch_norm_forward, group_norm_backward, group_norm_forward,
                                 layer_norm_backward, layer_norm_forward, variance)
from fastnn.kernels.optim import adadelta_step, adagrad_step, asgd_step, rmsprop_step, rprop_step, sgd_step
from fastnn.kernels.optim_adam import adam_step, adamax_step, nadam_step, radam_step
from fastnn.kernels.optim_factor import adafactor_step
from fastnn.kernels.pool import (adaptive_avg_pool_backward, adaptive_avg_pool_forward, adaptive_max_pool_forward,
                                 avg_pool_backward, avg_pool_forward, max_pool_backward, max_pool_forward)
from fastnn.kernels.recurrent import recurrent_backward, recurrent_forward
from fastnn.kernels.reduce import argreduce, cumulate, reduce, sum_to
from fastnn.kernels.resample import resample_backward, resample_forward, unfold_backward, unfold_forward
from fastnn.kernels.softmax import logsumexp, softmax_backward, softmax_forward
