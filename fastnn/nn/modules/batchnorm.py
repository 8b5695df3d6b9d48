"""Normalization with running statistics: of batches and of instances."""
import sys
import warnings

from fastnn.nn import init
from fastnn.nn.functional import batch_norm, instance_norm
from fastnn.nn.modules.lazy import LazyModuleMixin
from fastnn.nn.modules.module import Module
from fastnn.nn.modules.utils import check_sizes
from fastnn.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from fastnn.ops.creation import empty, ones, tensor, zeros


class _NormBase(Module):
    """Parameters and buffers of both kinds."""

    _version = 2  # counts batches

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        super().__init__()
        check_sizes(type(self).__name__, num_features=num_features)
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
    """Base of batch normalization in one to three dimensions."""

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
    """Batch normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel (dimension 1).

    In training mean and (biased) var are those of the batch, and the running statistics follow: running = (1 -
    momentum) * running + momentum * new, new var unbiased. In evaluation the running statistics are used, or those of
    the batch if there are none. Same as torch.nn.BatchNorm1d (Ioffe & Szegedy 2015).

    Parameters
    ----------
    num_features : int
        Number of channels C.
    eps : float
        Default 1e-5.
    momentum : float or None
        Default 0.1; with None the running statistics are averages over all batches.
    affine : bool
        Whether there are weight (initially 1) and bias (0), both (num_features,); default True.
    track_running_stats : bool
        Whether there are buffers running_mean, running_var and num_batches_tracked; default True.
    device, dtype
        As in PyTorch; the device can only be the CPU.
    bias : bool
        Whether there is a bias too; default True.

    Shape
    -----
    Input (N, C) or (N, C, L); output alike.

    Raises
    ------
    ValueError
        The input has another number of dimensions, or in training one value for each channel.

    Examples
    --------
    >>> norm = nn.BatchNorm1d(1)
    >>> norm(fastnn.tensor([[1.0], [3.0]])).detach()
    tensor([[-1.0000],
            [ 1.0000]])
    >>> round(norm.running_mean.item(), 4), round(norm.running_var.item(), 4)
    (0.2, 1.1)
    """

    _dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of images: `BatchNorm1d` with statistics over the batch and all pixels of a channel.

    Same as torch.nn.BatchNorm2d.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`.

    Shape
    -----
    Input (N, C, H, W); output alike.

    Examples
    --------
    >>> nn.BatchNorm2d(1)(fastnn.tensor([1.0, 1.0, 3.0, 3.0]).reshape(1, 1, 2, 2)).detach().round()
    tensor([[[[-1., -1.],
              [ 1.,  1.]]]])
    """

    _dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes: `BatchNorm1d` with statistics over the batch and all voxels of a channel.

    Same as torch.nn.BatchNorm3d.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`.

    Shape
    -----
    Input (N, C, D, H, W); output alike.

    Examples
    --------
    >>> nn.BatchNorm3d(2)(fastnn.zeros(1, 2, 2, 2, 2)).shape
    torch.Size([1, 2, 2, 2, 2])
    """

    _dims = (5,)


class _InstanceNorm(_NormBase):
    """Base of instance normalization in one to three dimensions."""

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
    """Instance normalization: y = (x - mean) / sqrt(var + eps) * weight + bias, for each channel of each sample.

    In evaluation with running statistics those are used. Same as torch.nn.InstanceNorm1d (Ulyanov, Vedaldi & Lempitsky
    2016).

    Parameters
    ----------
    num_features : int
        Number of channels C.
    eps, momentum, device, dtype, bias
        As in `BatchNorm1d`.
    affine : bool
        Whether there are weight and bias, both (num_features,); default False.
    track_running_stats : bool
        Whether there are running statistics; default False.

    Shape
    -----
    Input (N, C, L) or (C, L); output alike.

    Examples
    --------
    >>> nn.InstanceNorm1d(2)(fastnn.tensor([[1.0, 3.0], [10.0, 50.0]])).round()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    _dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalization of images; see `InstanceNorm1d`.

    Same as torch.nn.InstanceNorm2d.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `InstanceNorm1d`.

    Shape
    -----
    Input (N, C, H, W) or (C, H, W); output alike.

    Examples
    --------
    >>> nn.InstanceNorm2d(1)(fastnn.tensor([[[1.0, 1.0], [3.0, 3.0]]])).round()
    tensor([[[-1., -1.],
             [ 1.,  1.]]])
    """

    _dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalization of volumes; see `InstanceNorm1d`.

    Same as torch.nn.InstanceNorm3d.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `InstanceNorm1d`.

    Shape
    -----
    Input (N, C, D, H, W) or (C, D, H, W); output alike.

    Examples
    --------
    >>> nn.InstanceNorm3d(2)(fastnn.zeros(2, 2, 2, 2)).shape
    torch.Size([2, 2, 2, 2])
    """

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
    """A `BatchNorm1d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyBatchNorm1d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`.

    Examples
    --------
    >>> norm = nn.LazyBatchNorm1d()
    >>> norm(fastnn.zeros(3, 2)).shape
    torch.Size([3, 2])
    >>> type(norm).__name__, norm.num_features
    ('BatchNorm1d', 2)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyBatchNorm2d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`.

    Examples
    --------
    >>> norm = nn.LazyBatchNorm2d()
    >>> norm(fastnn.zeros(3, 2, 4, 4)).shape
    torch.Size([3, 2, 4, 4])
    >>> type(norm).__name__, norm.num_features
    ('BatchNorm2d', 2)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyBatchNorm3d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`.

    Examples
    --------
    >>> norm = nn.LazyBatchNorm3d()
    >>> norm(fastnn.zeros(3, 2, 4, 4, 4)).shape
    torch.Size([3, 2, 4, 4, 4])
    >>> type(norm).__name__, norm.num_features
    ('BatchNorm3d', 2)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An `InstanceNorm1d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyInstanceNorm1d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`, with its defaults.

    Examples
    --------
    >>> norm = nn.LazyInstanceNorm1d()
    >>> norm(fastnn.zeros(3, 2, 4)).shape
    torch.Size([3, 2, 4])
    >>> type(norm).__name__, norm.num_features
    ('InstanceNorm1d', 2)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An `InstanceNorm2d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyInstanceNorm2d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`, with its defaults.

    Examples
    --------
    >>> norm = nn.LazyInstanceNorm2d()
    >>> norm(fastnn.zeros(3, 2, 4, 4)).shape
    torch.Size([3, 2, 4, 4])
    >>> type(norm).__name__, norm.num_features
    ('InstanceNorm2d', 2)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An `InstanceNorm3d` whose `num_features` are the channels of its first input; it becomes a plain one then.

    Same as torch.nn.LazyInstanceNorm3d.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, device, dtype, bias
        As in `BatchNorm1d`, with its defaults.

    Examples
    --------
    >>> norm = nn.LazyInstanceNorm3d()
    >>> norm(fastnn.zeros(3, 2, 4, 4, 4)).shape
    torch.Size([3, 2, 4, 4, 4])
    >>> type(norm).__name__, norm.num_features
    ('InstanceNorm3d', 2)
    """

    cls_to_become = InstanceNorm3d


class SyncBatchNorm(_BatchNorm):
    """Batch normalization with statistics of all processes: in a world of one process, of the batch.

    Same as torch.nn.SyncBatchNorm there.

    Parameters
    ----------
    num_features, eps, momentum, affine, track_running_stats
        As in `BatchNorm1d`.
    process_group : optional
        Whose statistics are taken together; default all processes.
    device, dtype, bias
        As in `BatchNorm1d`.

    Shape
    -----
    Input (N, C, ...); output alike.

    Raises
    ------
    NotImplementedError
        In training among several processes.

    Examples
    --------
    >>> nn.SyncBatchNorm(1)(fastnn.tensor([[1.0], [3.0]])).detach().round()
    tensor([[-1.],
            [ 1.]])
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True,
                 process_group=None, device=None, dtype=None, *, bias=True):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input):
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")

    def forward(self, input):
        loaded = sys.modules.get("fastnn.distributed")
        if self.training and loaded is not None and loaded.is_initialized() and loaded.get_world_size() > 1:
            raise NotImplementedError("SyncBatchNorm: training among several processes is not implemented; BatchNorm "
                                      "takes each process's own statistics")
        return super().forward(input)

    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        """The module with SyncBatchNorm in the place of every BatchNorm in it, with the same parameters.

        Parameters
        ----------
        module : Module
        process_group : optional

        Examples
        --------
        >>> nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm1d(2)))
        Sequential(
          (0): SyncBatchNorm(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
        )
        """
        made = module
        if isinstance(module, _BatchNorm):
            made = cls(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                       process_group)
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(made, name, getattr(module, name))
            made.training = module.training
        for name, child in module.named_children():
            made.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return made
