"""Modules of PyTorch that have no work here, as names.

Libraries import them for all cases, and ask whether something is an instance of their classes: nothing is. To make an
instance or to call a function raises NotImplementedError. `fastnn.dropin` gives these modules when they are imported.
"""
import enum
import importlib
import types

from fastnn.compat import _absent

MANY = "fastnn trains whole copies of a model, by torch.nn.parallel.DistributedDataParallel over MPI"
START = "mpiexec starts the processes of fastnn"
PLAIN = "fastnn runs programs as they are, and compiles none"
FLOATS = "fastnn computes with floats"
SAMPLES = "torch.func.vmap calls a function for each sample, whose tensors have no hidden dimension"

# Module -> its names, `f()` a function, `C` a class without instances, `C*` one of plain
# values (what to do, for functions that are not there), `E:A,B` an enumeration, `N=1` a number, `f()=False` a question,
# `X=module` what another module has by that name, `**` any name, a function with overloads; and why they are not there.
# A module that is here has such names beside its own.
NAMES = {
    "torch.distributed.fsdp": (
        "FullyShardedDataParallel FSDPModule FlatParameter CPUOffload* MixedPrecision* CPUOffloadPolicy* "
        "MixedPrecisionPolicy* OffloadPolicy* FullStateDictConfig* FullOptimStateDictConfig* LocalStateDictConfig* "
        "LocalOptimStateDictConfig* OptimStateDictConfig* ShardedStateDictConfig* ShardedOptimStateDictConfig* "
        "StateDictConfig* StateDictSettings UnshardHandle fully_shard() register_fsdp_forward_method() "
        "ShardingStrategy:FULL_SHARD,SHARD_GRAD_OP,NO_SHARD,HYBRID_SHARD,_HYBRID_SHARD_ZERO2 "
        "StateDictType:FULL_STATE_DICT,LOCAL_STATE_DICT,SHARDED_STATE_DICT "
        "BackwardPrefetch:BACKWARD_PRE,BACKWARD_POST OptimStateKeyType:PARAM_NAME,PARAM_ID", MANY),
    "torch.distributed.fsdp.wrap": (
        "ModuleWrapPolicy* CustomPolicy* always_wrap_policy() enable_wrap() lambda_auto_wrap_policy() "
        "size_based_auto_wrap_policy() transformer_auto_wrap_policy() wrap() _or_policy()", MANY),
    "torch.distributed.fsdp.sharded_grad_scaler": ("ShardedGradScaler", MANY),
    "torch.distributed.tensor": (
        "DTensor Placement* Replicate* Shard* Partial* distribute_tensor() distribute_module() full() ones() zeros() "
        "rand() randn() empty()", MANY),
    "torch.distributed.tensor.experimental": ("context_parallel() implicit_replication() local_map()", MANY),
    "torch.distributed.tensor.parallel": (
        "ColwiseParallel* RowwiseParallel* SequenceParallel* ParallelStyle* PrepareModuleInput* PrepareModuleOutput* "
        "loss_parallel() parallelize_module()", MANY),
    "torch.distributed.tensor._utils": ("compute_local_shape_and_global_offset()", MANY),
    "torch.distributed.tensor.placement_types": ("Placement* Replicate* Shard* Partial* _StridedShard*", MANY),
    "torch.distributed._functional_collectives": ("wait_tensor() all_to_all_single_autograd() all_reduce() "
                                                  "all_gather_tensor() AsyncCollectiveTensor", MANY),
    "torch.distributed.device_mesh": ("DeviceMesh init_device_mesh()", MANY),
    "torch.distributed._shard.sharded_tensor": ("ShardedTensor Shard* empty()", MANY),
    "torch.distributed._shard.sharded_tensor.api": ("ShardedTensor", MANY),
    "torch.distributed.algorithms._checkpoint.checkpoint_wrapper": (
        "CheckpointWrapper OffloadWrapper CheckpointImpl:REENTRANT,NO_REENTRANT apply_activation_checkpointing() "
        "checkpoint_wrapper() offload_wrapper()", MANY),
    "torch.distributed.algorithms.join": ("Join Joinable JoinHook", MANY),
    "torch.distributed.algorithms.ddp_comm_hooks.default_hooks": (
        "allreduce_hook() fp16_compress_hook() bf16_compress_hook() fp16_compress_wrapper() bf16_compress_wrapper()",
        MANY),
    "torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook": (
        "PowerSGDState powerSGD_hook() batched_powerSGD_hook()", MANY),
    "torch.distributed.algorithms.ddp_comm_hooks.post_localSGD_hook": (
        "PostLocalSGDState post_localSGD_hook()", MANY),
    "torch.distributed.algorithms.model_averaging.averagers": ("ModelAverager PeriodicModelAverager", MANY),
    "torch.distributed.optim": (
        "ZeroRedundancyOptimizer DistributedOptimizer PostLocalSGDOptimizer _apply_optimizer_in_backward()", MANY),
    "torch.distributed.checkpoint": (
        "FileSystemReader FileSystemWriter StorageReader StorageWriter SavePlanner LoadPlanner DefaultSavePlanner "
        "DefaultLoadPlanner CheckpointException Metadata save() load() async_save() save_state_dict() "
        "load_state_dict()", "torch.save writes a process' own objects"),
    "torch.distributed.checkpoint.default_planner": ("DefaultSavePlanner DefaultLoadPlanner", MANY),
    "torch.distributed.checkpoint.format_utils": ("dcp_to_torch_save() torch_save_to_dcp()", MANY),
    "torch.distributed.checkpoint.hf_storage": ("HuggingFaceStorageReader HuggingFaceStorageWriter", MANY),
    "torch.distributed.checkpoint._consolidate_hf_safetensors": ("consolidate_safetensors_files()", MANY),
    "torch.distributed.checkpoint.optimizer": ("load_sharded_optimizer_state_dict()", MANY),
    "torch.distributed.checkpoint.state_dict": (
        "StateDictOptions* get_model_state_dict() get_optimizer_state_dict() get_state_dict() set_model_state_dict() "
        "set_optimizer_state_dict() set_state_dict()", MANY),
    "torch.distributed.checkpoint.stateful": ("Stateful", MANY),
    "torch.distributed.nn": ("RemoteModule", MANY),
    "torch.distributed.nn.functional": (
        "all_gather() all_reduce() all_to_all() all_to_all_single() broadcast() gather() reduce() reduce_scatter() "
        "scatter()", "gradients do not travel between fastnn's processes but in DistributedDataParallel"),
    "torch.distributed.rpc": (
        "RRef is_available()=False init_rpc() shutdown() rpc_sync() rpc_async() remote() get_worker_info() WorkerInfo "
        "BackendType TensorPipeRpcBackendOptions RpcBackendOptions",
        "its processes do not call each other's functions"),
    "torch.distributed.autograd": (
        "is_available()=False context() backward() get_gradients() DistAutogradContext", MANY),
    "torch.distributed.pipelining": ("ScheduleGPipe SplitPoint:BEGINNING,END PipelineStage pipeline()", MANY),
    "torch.distributed.run": ("main() run() get_args_parser()", START),
    "torch.distributed.elastic.multiprocessing.errors": ("ChildFailedError ProcessFailure record()", START),
    "torch.distributed.launcher.api": ("LaunchConfig elastic_launch() launch_agent()", START),
    "torch.ao.quantization": (
        "QConfig FakeQuantize ObserverBase QuantStub DeQuantStub prepare() prepare_qat() convert() fuse_modules() "
        "get_default_qconfig() get_default_qat_qconfig() quantize_dynamic()", FLOATS),
    "torch.utils.cpp_extension": (
        "BuildExtension CppExtension CUDAExtension load() load_inline() include_paths()",
        "extensions in C++ are compiled against PyTorch"),
    "torch.ao.quantization.observer": (
        "HistogramObserver MinMaxObserver MovingAverageMinMaxObserver ObserverBase PerChannelMinMaxObserver "
        "PlaceholderObserver", FLOATS),
    "torch.ao.quantization.qconfig": ("QConfig default_qconfig() get_default_qconfig()", FLOATS),
    "torch.ao.nn.quantized": ("BatchNorm2d BatchNorm3d Conv1d Conv2d Conv3d Linear QFunctional", FLOATS),
    "torch.utils._python_dispatch": (
        "TorchDispatchMode is_traceable_wrapper_subclass()=False return_and_correct_aliasing()",
        "operations are not dispatched through Python"),
    "torch.nn._reduction": ("get_enum() legacy_get_enum() legacy_get_string()", "losses take reduction= themselves"),
    "torch.ops.aten": ("**", "the functions of torch stand for PyTorch's inner operations"),
    "torch.nested": (
        "nested_tensor() as_nested_tensor() nested_tensor_from_jagged() narrow() to_padded_tensor() masked_select()",
        "a tensor has one shape; use torch.nn.utils.rnn.pad_sequence"),
    "torch.nested._internal.nested_tensor": ("NestedTensor ViewNestedFromBuffer", "a tensor has one shape"),
    "torch.nested._internal.ops": ("extract_kwargs()", "a tensor has one shape"),
    "torch.classes": ("", "classes in C++ are compiled against PyTorch"),
    "torch.autograd.forward_ad": (
        "dual_level() make_dual() enter_dual_level() exit_dual_level()",
        "torch.func.jvp gives products with the Jacobian"),
    "torch.fx.experimental.proxy_tensor": ("make_fx() get_proxy_mode() ProxyTorchDispatchMode", PLAIN),
    "torch.fx.experimental.symbolic_shapes": (
        "ShapeEnv GuardOnDataDependentSymNode guard_or_false() guard_or_true() statically_known_true() free_symbols() "
        "free_unbacked_symbols()", PLAIN),
    "torch.fx.passes.shape_prop": ("ShapeProp", PLAIN),
    "torch.jit._recursive": ("", PLAIN),
    "torch.export.decomp_utils": ("CustomDecompTable", PLAIN),
    "torch._dynamo._trace_wrapped_higher_order_op": ("TransformGetItemToIndex", PLAIN),
    "torch._inductor.config": ("", PLAIN),
    "torch._dynamo.exc": ("TorchDynamoException Unsupported UserError", PLAIN),
    "torch._dynamo.testing": ("CompileCounter", PLAIN),
    "torch._C": (
        "_are_functorch_transforms_active()=False _is_torch_function_mode_enabled()=False _mps_is_available()=False "
        "_get_cudnn_enabled()=False _jit_set_texpr_fuser_enabled()=False _jit_set_nvfuser_enabled()=False "
        "_jit_override_can_fuse_on_cpu()=False _jit_override_can_fuse_on_gpu()=False _jit_can_fuse_on_cpu()=False "
        "_jit_can_fuse_on_gpu()=False _ExcludeDispatchKeyGuard DispatchKeySet "
        "DispatchKey:Python,Autograd,CompositeExplicitAutograd", "operations are functions, not dispatched by keys"),
    "functorch": ("FunctionalModule FunctionalModuleWithBuffers",
                  "torch.func.functional_call calls a module with other parameters"),
    "torch._C._functorch": (
        "is_batchedtensor()=False is_functionaltensor()=False is_functorch_wrapped_tensor()=False "
        "is_gradtrackingtensor()=False is_legacy_batchedtensor()=False _add_batch_dim() _remove_batch_dim() "
        "get_unwrapped() maybe_get_bdim() maybe_get_level() CInterpreter TransformType:Grad,Jvp,Vmap", SAMPLES),
    "torch._functorch.vmap": (
        "Tensor=fastnn._tensor tree_flatten=fastnn.utils._pytree tree_unflatten=fastnn.utils._pytree vmap=fastnn.func "
        "_add_batch_dim() _remove_batch_dim() _broadcast_to_and_flatten() _create_batched_inputs() _get_name() "
        "_maybe_remove_batch_dim() _process_batched_inputs() _unwrap_batched()", SAMPLES),
    "torch._functorch.eager_transforms": (
        "functionalize() grad=fastnn.func hessian=fastnn.func jacfwd=fastnn.func jacrev=fastnn.func jvp=fastnn.func "
        "vjp=fastnn.func", SAMPLES),
    "torch._subclasses.fake_tensor": (
        "FakeTensor FakeTensorMode is_fake()=False unset_fake_temporarily()", "a tensor here has its numbers"),
    "torch._ops": ("HigherOrderOperator OpOverload OpOverloadPacket", "operations are functions"),
    "torch.utils.module_tracker": ("ModuleTracker", "register_module_forward_hook sees every module's call"),
    "torch.onnx._internal.exporter": ("ONNXProgram", "torch.onnx.export writes files"),
    "torchvision.ops": ("DeformConv2d FeaturePyramidNetwork MultiScaleRoIAlign PSRoIAlign PSRoIPool RoIPool "
                        "DropBlock2d DropBlock3d deform_conv2d() drop_block2d() drop_block3d() ps_roi_align() "
                        "ps_roi_pool() roi_pool()", "torchvision.ops.roi_align takes regions of maps"),
    "torch._subclasses": ("FakeTensor FakeTensorMode unset_fake_temporarily()", "a tensor here has its numbers"),
    "torch.nn.attention.flex_attention": (
        "BlockMask AuxRequest* create_block_mask() create_mask() flex_attention() and_masks() or_masks() noop_mask() "
        "_DEFAULT_SPARSE_BLOCK_SIZE=128", "use scaled_dot_product_attention with a mask"),
    "torch.utils.data.datapipes.datapipe": ("IterDataPipe MapDataPipe", "use torch.utils.data's data sets"),
    "torch.utils.data.datapipes.iter": ("", "use torch.utils.data's data sets"),
}
NAMES["torch.distributed.fsdp.fully_sharded_data_parallel"] = NAMES["torch.distributed.fsdp"]
NAMES["torch.distributed.fsdp.api"] = NAMES["torch.distributed._composable.fsdp"] = NAMES["torch.distributed.fsdp"]
NAMES["torch.distributed._tensor"] = NAMES["torch.distributed.tensor"]
NAMES["torch.distributed._tensor.api"] = NAMES["torch.distributed.tensor"]
NAMES["torch.distributed._tensor.experimental"] = NAMES["torch.distributed.tensor.experimental"]
NAMES["torch.nn.quantized"] = NAMES["torch.ao.nn.quantized"]
for _part in ("", ".observer", ".qconfig"):
    NAMES[f"torch.quantization{_part}"] = NAMES[f"torch.ao.quantization{_part}"]

# Modules whose names live in another one of fastnn's.
ALIASES = {"torch._C._distributed_c10d": "fastnn.distributed", "torch._dynamo.eval_frame": "fastnn.compat._dynamo",
           "torch.amp.autocast_mode": "fastnn.compat.amp", "torch.amp.grad_scaler": "fastnn.compat.amp",
           "torch.distributed.distributed_c10d": "fastnn.distributed",
           "torch.jit.annotations": "fastnn.compat._jit_internal",
           "torch.utils._contextlib": "fastnn.autograd.grad_mode",
           "torch.profiler.profiler": "fastnn.compat.profiler", "torch.torch": "fastnn",
           "torch.utils.tensorboard.summary": "tensorboardX.summary",
           "torch.utils.tensorboard.writer": "fastnn.utils.tensorboard",
           "torch.utils.data._utils.collate": "fastnn.utils.data.collate",
           "torch.utils.data._utils.worker": "fastnn.utils.data.worker"}

PACKAGES = {name.rsplit(".", depth)[0] for name in (*NAMES, *ALIASES) for depth in range(1, name.count(".") + 1)}


def is_package(name):
    """Whether there are modules below the module `name`."""
    return name in PACKAGES


def knows(name):
    """Whether `make` makes the module."""
    return name in NAMES or name in PACKAGES


class _Refused:
    """Base of classes that have no instances."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__module__}.{type(self).__qualname__}: fastnn does not have it; "
                                  f"{self._reason}")

    def __class_getitem__(cls, item):
        return cls


class _Value:
    """Base of classes of settings: instances hold what they are given."""

    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs, _args=args)

    def __repr__(self):
        given = {key: value for key, value in self.__dict__.items() if key != "_args"}
        parts = [*map(repr, self._args), *(f"{key}={value!r}" for key, value in given.items())]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = object.__hash__


def _function(module, name, reason):
    def function(*args, **kwargs):
        raise NotImplementedError(f"{module}.{name}: fastnn does not have it; {reason}")
    function.__name__ = function.__qualname__ = name
    function.__module__, function.__doc__ = module, f"Raise NotImplementedError: {reason}."
    return function


class _Operation:
    """An operation by a name of PyTorch's inside; its attributes are its overloads."""

    def __init__(self, name, reason):
        self._name, self._reason = name, reason

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, _Operation(f"{self._name}.{name}", self._reason))
        return self.__dict__[name]

    def __call__(self, *args, **kwargs):
        raise NotImplementedError(f"{self._name}: fastnn does not have it; {self._reason}")

    def overloads(self):
        """[]"""
        return []


class Placeholder(types.ModuleType):
    """A module of such names."""

    def __getattr__(self, name):
        full = f"{self.__name__}.{name}"
        if knows(full) or full in ALIASES:
            return importlib.import_module(full)
        raise AttributeError(f"module {self.__name__!r} of fastnn has no attribute {name!r}", name=name, obj=self)


_made = {}  # by what a module's entry says, so that modules of one entry share their classes


def _contents(name, names, reason):
    found = {}
    for entry in names.split():
        key, _, members = entry.partition(":")
        if key == "**":
            found["__getattr__"] = vars(_Operation)["__getattr__"].__get__(_Operation(name, reason))
        elif key.endswith("()=False"):
            found[key[:-8]] = _absent.ignore(key[:-8], False)
        elif "=" in key:
            key, value = key.split("=")
            found[key] = int(value) if value.isdigit() else getattr(importlib.import_module(value), key)
        elif members:
            found[key] = enum.Enum(key, members.split(","), module=name)
        elif key.endswith("()"):
            found[key[:-2]] = _function(name, key[:-2], reason)
        elif key.endswith("*"):
            found[key[:-1]] = type(key[:-1], (_Value,), {"__module__": name, "__doc__": f"Settings alone: {reason}."})
        else:
            base = (_Refused, RuntimeError) if key.endswith(("Error", "Exception")) else (_Refused,)
            found[key] = type(key, base, {"__module__": name, "_reason": reason, "__doc__": f"Not here: {reason}."})
    return found


def names_of(module):
    """{name: what it is} of a module's entry."""
    names, reason = NAMES.get(module, ("", ""))
    if names not in _made:
        _made[names] = _contents(module, names, reason)
    return _made[names]


def make(name):
    """The module `name`, new."""
    module = Placeholder(name, f"Names of {name} that raise when they are used.")
    module.__dict__.update(names_of(name))
    return module
