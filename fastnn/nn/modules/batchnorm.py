"""Normalisation with running statistics: over batches and over instances."""
import warnings

from fastnn.nn import init
from fastnn.nn.functional import batch_norm, instance_norm
from fastnn.nn.modules.lazy import LazyModuleMixin
from fastnn.nn.modules.module import Module
from fastnn.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from fastnn.ops.creation import empty, ones, tensor, zeros


class _NormBase(Module):
    """Parameters and buffers of both kinds."""

    _version = 2  # counts batches

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        kind = {"device": device, "dtype": dtype}
        for name in ("weight", "bias"):
            if affine and (name == "weight" or bias):
                setattr(self, name, Parameter(empty(num_features, **kind)))
            else:
                self.register_parameter(name, None)
        self.register_buffer("running_mean", zeros(num_features, **kind) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **kind) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self):
        """Running mean 0, running variance 1, no batches."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self):
        """Running statistics, and weight 1, bias 0."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        version, key = local_metadata.get("version"), prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            # files from before version 2 do not have it
            state_dict[key] = tensor(0) if self.num_batches_tracked is None else self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")

    def _check_input_dim(self, input):
        expected = self._dims
        if input.ndim not in expected:
            raise ValueError(f"expected {' or '.join(f'{n}D' for n in expected)} input (got {input.ndim}D input)")


class _BatchNorm(_NormBase):
    """Normalisation of channels over the batch.

    y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel (dimension 1). In training mean and var are the
    batch's, and running statistics follow them: running = (1 - momentum) running + momentum new; with momentum None
    they are the mean over all batches. In evaluation the running statistics are used, or the batch's if there are none.
    Ioffe & Szegedy, Batch Normalization (2015).

    Parameters
    ----------
    num_features : int
        Channels.
    eps : float
    momentum : float or None
    affine : bool
        Whether there are weight (starts as 1) and bias (0), both (num_features,).
    track_running_stats : bool
        Whether there are buffers running_mean, running_var and num_batches_tracked.
    """

    def forward(self, input):
        self._check_input_dim(input)
        tracked = self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and tracked and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        known = not self.training or tracked
        return batch_norm(input, self.running_mean if known else None, self.running_var if known else None,
                          self.weight, self.bias,
                          self.training or self.running_mean is None and self.running_var is None, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    __doc__ = (_BatchNorm.__doc__ or "") + "\n    Input (N, C) or (N, C, L).\n    "
    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = (_BatchNorm.__doc__ or "") + "\n    Input (N, C, H, W).\n    "
    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = (_BatchNorm.__doc__ or "") + "\n    Input (N, C, D, H, W).\n    "
    _dims = (5,)


class _InstanceNorm(_NormBase):
    """Normalisation of each channel of each sample.

    y = (x - mean) / sqrt(var + eps) * weight + bias; in evaluation with running statistics those are used.
    Ulyanov, Vedaldi & Lempitsky, Instance Normalization (2016). Parameters as BatchNorm's, but neither weight and bias
    nor running statistics by default.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False, device=None,
                 dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                              error_msgs):
        old = [] if local_metadata.get("version") is not None or self.track_running_stats else [
            name for name in ("running_mean", "running_var") if prefix + name in state_dict]
        if old:
            names, kind = " and ".join(f'"{prefix}{name}"' for name in old), type(self).__name__
            error_msgs.append(f"Unexpected running stats buffer(s) {names} for {kind} with track_running_stats=False. "
                              f"Remove these keys, or make {kind} with track_running_stats=True if the running stats "
                              f"are needed.")
            for name in old:
                del state_dict[prefix + name]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                                      error_msgs)

    def forward(self, input):
        self._check_input_dim(input)
        batched = input.ndim == self._dims[1]
        channels = input.shape[1 if batched else 0]
        if channels != self.num_features:
            dim = 1 if batched else 0
            if self.affine:
                raise ValueError(f"expected input's size at dim={dim} to match num_features ({self.num_features}), "
                                 f"but got: {channels}.")
            warnings.warn(f"input's size at dim={dim} does not match num_features. You can silence this warning by not "
                          f"passing in num_features, which is not used because affine=False", stacklevel=2)
        output = instance_norm(input if batched else input.unsqueeze(0), self.running_mean, self.running_var,
                               self.weight, self.bias, self.training or not self.track_running_stats,
                               0.0 if self.momentum is None else self.momentum, self.eps)
        return output if batched else output.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    __doc__ = (_InstanceNorm.__doc__ or "") + "\n    Input (N, C, L) or (C, L).\n    "
    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = (_InstanceNorm.__doc__ or "") + "\n    Input (N, C, H, W) or (C, H, W).\n    "
    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    __doc__ = (_InstanceNorm.__doc__ or "") + "\n    Input (N, C, D, H, W) or (C, D, H, W).\n    "
    _dims = (4, 5)


class _LazyNorm(LazyModuleMixin):
    """What the lazy layers share: the features are the channels of the first input."""

    def __init__(self, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None, *,
                 bias=True):
        kind = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, bias=False, **kind)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(**kind)
            if bias:
                self.bias = UninitializedParameter(**kind)
        if track_running_stats:
            self.running_mean, self.running_var = UninitializedBuffer(**kind), UninitializedBuffer(**kind)
            self.num_batches_tracked = tensor(0)

    def reset_parameters(self):
        """Running statistics, and weight 1, bias 0, once there are any."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        """Give parameters and running statistics their shapes and values."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if value is not None:
                    value.materialize((self.num_features,))
            self.reset_parameters()
        if self.num_features == 0 and (self.affine or self.track_running_stats):  # they were loaded
            self.num_features = input.shape[1]


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` whose `num_features` are the channels of the first input."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose `num_features` are the channels of the first input."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` whose `num_features` are the channels of the first input."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """A `InstanceNorm1d` whose `num_features` are the channels of the first input."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """A `InstanceNorm2d` whose `num_features` are the channels of the first input."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """A `InstanceNorm3d` whose `num_features` are the channels of the first input."""

    cls_to_become = InstanceNorm3d


class _Absent(Module):
    """A class of PyTorch's that says what to use in its place."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} is not available: {self._reason}")


class SyncBatchNorm(_Absent):
    """Not available: it needs several processes that train together."""

    _reason = "there is one process and nothing to synchronise; use BatchNorm1d or BatchNorm2d"

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """NotImplementedError."""
        return cls(module)
