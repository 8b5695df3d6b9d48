"""Complex tensors: PyTorch's samples of operations, programs with PyTorch's results, gradients of both orders, and
errors where there is no complex form."""
import io
import pickle
import warnings

import numpy as np
import pytest
from parity import names, numbers

import fastnn


@pytest.fixture(scope="module")
def runner():
    """PyTorch costs seconds to import: only when a test needs it."""
    pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from parity import runner
        runner.op_database()
    return runner


def failures(runner, name, dtype, most):
    import torch
    found = []
    for op, i, sample in runner.spread(runner.samples(name, getattr(torch, dtype)), most):
        try:
            runner.run_sample(op, sample, names.function_of(name))
        except Exception as error:
            found.append(f"{op.full_name} sample {i} {runner.describe(sample)}: {type(error).__name__}: {error}")
    return found


SINGLE = """abs add angle div einsum exp fft.fft fft.hfft2 fft.irfft fft.rfftn istft linalg.norm linalg.solve matmul
    mul pow prod sum stft view_as_real""".split()


@pytest.mark.torch
@pytest.mark.parametrize("name, dtype", [*((name, "complex128") for name in numbers.compared()),
                                         *((name, "complex64") for name in SINGLE)])
def test_samples(runner, name, dtype):
    """Values, dtypes, views and gradients; FASTNN_PARITY=all runs every sample instead of a few."""
    most = runner.limit()
    found = failures(runner, name, dtype, most and min(most, 4))
    assert not found, "\n".join(found[:5])


@pytest.mark.torch
@pytest.mark.parametrize("name", numbers.REFUSED)
def test_what_has_no_complex_form_says_so(runner, name):
    import torch
    for _, _, sample in runner.spread(runner.samples(name, torch.complex128), 2):
        args, kwargs = runner.to_fastnn([sample.input, *sample.args]), runner.to_fastnn(sample.kwargs)
        with pytest.raises((RuntimeError, TypeError), match="(?i)complex"):
            found = names.function_of(name)(*args, **kwargs)
            sum(part.abs().sum() for part in (found if isinstance(found, tuple) else (found,))).backward()


@pytest.mark.torch
def test_no_operation_takes_what_pytorch_refuses(runner):
    """Every operation for real numbers alone, given complex ones, raises as PyTorch does, or agrees with it."""
    import torch
    from parity.carry import leaves, map_tensors
    wrong, compared = [], {*names.NOT_COMPARED, *numbers.compared()}  # those that PyTorch has are test_samples'
    for name in runner.op_database():
        function = names.function_of(name)
        if function is None or isinstance(function, (property, fastnn.dtype)) or name in compared:
            continue
        for op, i, sample in runner.spread(runner.samples(name, torch.float64), 2):
            args, kwargs = (numbers.as_complex(each, torch, map_tensors)
                            for each in ([sample.input, *sample.args], sample.kwargs))
            if not any(t.is_complex() for t in leaves([args, kwargs], torch.Tensor)):
                continue
            ours = runner.to_fastnn(args), runner.to_fastnn(kwargs)
            try:
                with runner.quiet():
                    found = function(*ours[0], **ours[1])
            except (RuntimeError, TypeError, ValueError, IndexError, AssertionError):
                continue
            try:
                with runner.quiet():
                    runner.compare(found, op.op(*args, **kwargs), "result")
            except Exception as error:
                wrong.append(f"{op.full_name} sample {i}: {type(error).__name__}: {str(error)[:200]}")
    assert not wrong, "\n".join(wrong)


PROGRAMS = """
t.tensor([1+2j, 3.5-1j])
t.tensor(1j)
t.tensor([1, 2.5, 1j])
t.tensor([[1e-5+2j, 3e6-1j]])
t.tensor([complex(nan, 1), complex(1, inf), 0])
t.tensor([], dtype=t.cfloat)
t.zeros(2, 0, dtype=t.cdouble)
(t.arange(2000) * 1j).requires_grad_()
t.tensor([-0.5-0j, 1e9j])
t.full((2,), 1j)
t.eye(2, dtype=t.cfloat)
t.tensor([1.5+2j, 0]).bool()
t.tensor([1.5], dtype=t.float64).to(t.complex64)
t.tensor([1.5+1j]).type()
t.result_type(t.ones(2, dtype=t.float64), 1j)
t.result_type(t.ones(2, dtype=t.float64), t.tensor(1j))
t.result_type(t.ones(2, dtype=t.int64), t.tensor([1j]))
t.result_type(t.tensor([1j]), t.tensor(1j, dtype=t.cdouble))
t.result_type(t.tensor(True), 1j)
t.promote_types(t.float16, t.complex64)
t.promote_types(t.int64, t.complex64)
t.can_cast(t.complex64, t.float64), t.can_cast(t.complex128, t.complex64)
t.complex64.is_complex, t.complex64.itemsize, t.complex64.is_floating_point, t.complex64.is_signed
t.complex64.to_real(), t.float64.to_complex(), t.finfo(t.complex64).eps
t.int64.to_complex()
t.tensor([1.]).imag
t.angle(t.tensor([-1., 0., 2., nan])), t.angle(t.tensor([-1, 0, 2]))
t.tensor([1j]) == 1j, t.tensor([1j]) != 1
t.tensor([1j]) > t.tensor([2j])
t.sort(t.tensor([1j]))
t.tensor([1j]) // 2
~t.tensor([1j])
t.tensor([1j]) & 1
t.nn.functional.gelu(t.tensor([1j]))
t.nn.Sequential(t.nn.Linear(2, 2, dtype=t.cfloat), t.nn.ReLU())(t.ones(2, 2, dtype=t.cfloat))
1j - t.tensor([1.]), 1j / t.tensor([2.]), t.tensor([2.]) / 1j, 2 ** t.tensor([1j]), t.tensor([2]) * 1j
t.tensor([2.+1j]) ** 2
t.tensor([1.]).add_(1j)
t.tensor([1j]).add_(1.5), t.tensor([1j]).mul_(1j), t.tensor([1j, 2]).fill_(1+2j), t.tensor([1j, 2]).zero_()
t.zeros(2).fill_(1j)
t.tensor([1j, 2]).item()
t.tensor(1j).item(), complex(t.tensor(1.)), float(t.tensor(1+0j)), bool(t.tensor(1j)), t.tensor([1j, 2]).tolist()
float(t.tensor(1j))
t.view_as_complex(t.ones(3, 3))
t.view_as_real(t.ones(3, 3))
t.complex(t.ones(2), t.zeros(2).double())
t.complex(t.ones(2).long(), t.zeros(2).long())
t.tensor([[1j, 2], [3, 4]]).mH, t.tensor([[1j, 2], [3, 4]]).H, t.adjoint(t.tensor([[1j, 2], [3, 4]]))
t.where(t.tensor([True, False]), t.tensor([1., 2]), 1j)
t.cat([t.tensor([1j]), t.tensor([1.])])
t.tensor([1j], dtype=t.float32)
t.tensor([1j], requires_grad=True).sum().backward()
(t.tensor([1j], requires_grad=True) * 2).backward(t.ones(1))
t.tensor([1j], requires_grad=True) * 2
t.tensor([1+2j]).conj_physical_(), t.real(t.tensor([1.])), t.conj(t.tensor([1.]))
t.tensor([1j]).abs_()
t.abs(t.tensor([3+4j]), out=t.zeros(1)), t.mul(t.tensor([1.]), 2, out=t.zeros(1, dtype=t.cfloat))
t.mul(t.tensor([1j]), 2, out=t.zeros(1))
t.add(t.tensor([1.]), 1, alpha=1j)
t.sum(t.tensor([1.]), dtype=t.cfloat), t.mean(t.tensor([1., 2]), dtype=t.cfloat)
t.vdot(t.tensor([1j, 2]), t.tensor([1j, 3])), t.dot(t.tensor([1j, 2]), t.tensor([1j, 3]))
t.einsum('i,i', t.tensor([1j, 2]), t.tensor([1j, 3])), t.tensor([1j, 2]).norm()
t.tensor([1j]).view(t.float32), t.tensor([1., 2.]).view(t.complex64)
t.tensor([1j, 2]).masked_fill(t.tensor([True, False]), 3j)
t.tensor([1., 2]).masked_fill(t.tensor([True, False]), 3j)
t.nn.functional.pad(t.tensor([1j]), (1, 1), value=2)
t.nn.Parameter(t.tensor([1j])), f'{t.tensor(1j)}'
t.nan_to_num(t.tensor([complex(nan, 1)]))
t.fft.fft(t.ones(3), n=0)
t.fft.fft(t.tensor(1.))
t.fft.fftn(t.ones(3, 3), s=(1, 2, 3))
t.fft.fftn(t.ones(3, 3), s=(1, 2), dim=(0,))
t.fft.fftn(t.ones(3, 3), dim=(0, 0))
t.fft.irfft(t.ones(1))
t.fft.rfft(t.ones(3, dtype=t.cfloat))
t.fft.ihfftn(t.ones(3, dtype=t.cfloat))
t.fft.rfftn(t.ones(3), dim=())
t.fft.fftn(t.ones(3), dim=()), t.fft.fftn(t.ones(2, 3), s=3), t.fft.fftn(t.ones(3, 3), s=(-1, 2))
t.fft.fft(t.ones(3), norm='x')
t.fft.fft(t.ones(3), n=2.5)
t.fft.fft(t.ones(3), out=t.empty(3))
t.fft.fft(t.ones(3).long()).dtype, t.fft.rfft(t.ones(3).double()).dtype, t.fft.irfft(t.ones(3)).dtype
t.fft.fftfreq(5), t.fft.rfftfreq(4, d=0.5), t.fft.fftfreq(0), t.fft.fftfreq(4, dtype=t.float64)
t.fft.fftfreq(5, dtype=t.int64)
t.fft.fftshift(t.arange(5)), t.fft.ifftshift(t.arange(5)), t.fft.fftshift(t.arange(6).reshape(2, 3), dim=1)
t.stft(t.ones(16), 8)
t.stft(t.ones(16), 8, window=t.ones(4), return_complex=True)
t.stft(t.ones(16), 8, 0, window=t.ones(8), return_complex=True)
t.istft(t.ones(5, 3), 8)
t.istft(t.ones(4, 3, dtype=t.cfloat), 8, onesided=True)
t.hann_window(5), t.hamming_window(4, periodic=False), t.hann_window(0), t.hann_window(1), t.blackman_window(4).dtype
t.hann_window(-1)
t.signal.windows.exponential(3, tau=0)
""".strip().splitlines()


@pytest.mark.torch
@pytest.mark.parametrize("source", PROGRAMS)
def test_programs_give_pytorchs_results(runner, source):
    """The text of what they give, or the class of the error."""
    import torch

    def outcome(library):
        try:
            with runner.quiet():
                return repr(eval(source, {"t": library, "nan": np.nan, "inf": np.inf}))
        except Exception as error:
            return next(kind for kind in (IndexError, TypeError, ValueError, RuntimeError) if isinstance(error, kind))
    assert outcome(fastnn) == outcome(torch)


@pytest.mark.torch
def test_promotion_is_pytorchs(runner):
    """All pairs of dtypes, tensors with and without dimensions, Python numbers."""
    import operator
    import torch

    def operands(library):
        found = {"int number": 2, "float number": 2.5, "complex number": 2j}
        for name in ("bool", "int64", "float32", "float64", "complex64", "complex128"):
            found[name] = library.ones(2, dtype=getattr(library, name))
            found[name + " 0-d"] = library.ones((), dtype=getattr(library, name))
        return found
    ours, theirs = operands(fastnn), operands(torch)
    for x in ours:
        for y in ours:
            if "number" not in x or "number" not in y:
                for op in (operator.add, operator.mul, operator.truediv):
                    assert str(op(ours[x], ours[y]).dtype) == str(op(theirs[x], theirs[y]).dtype), (x, op, y)


def given(*shape, real=False, seed=0):
    rng = np.random.default_rng([seed, *shape, real])
    x = rng.normal(size=shape)
    return fastnn.from_numpy(np.asarray(x if real else x + 1j * rng.normal(size=shape))).requires_grad_()


FUNCTIONS = {
    **{name: (getattr(fastnn, name), (3,)) for name in """abs angle sgn neg exp exp2 expm1 log log2 log10 log1p sqrt
        rsqrt square reciprocal
        sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh sigmoid sinc conj prod var mean
        view_as_real""".split()},
    "silu": (fastnn.nn.functional.silu, (3,)), "softsign": (fastnn.nn.functional.softsign, (3,)),
    "real": (lambda z: z.real, (3,)), "imag": (lambda z: z.imag, (3,)),
    **{name: (getattr(fastnn, name), (2, 3), (3,)) for name in "add sub mul div pow".split()},
    "matmul": (fastnn.matmul, (2, 3), (3, 2)), "vdot": (fastnn.vdot, (3,), (3,)),
    "einsum": (lambda a, b: fastnn.einsum("ij,jk->ik", a, b), (2, 3), (3, 2)),
    "cumsum": (lambda a: a.cumsum(0), (4,)), "cumprod": (lambda a: a.cumprod(0), (4,)),
    "std": (lambda a: a.std(0), (3, 2)), "norm": (fastnn.linalg.norm, (4,)),
    "inv": (fastnn.linalg.inv, (2, 2)), "det": (fastnn.linalg.det, (2, 2)),
    "slogdet": (fastnn.linalg.slogdet, (2, 2)), "solve": (fastnn.linalg.solve, (2, 2), (2, 1)),
    "cholesky": (lambda a: fastnn.linalg.cholesky(a @ a.mH + 2 * fastnn.eye(2)), (2, 2)),
    "eigvalsh": (lambda a: fastnn.linalg.eigvalsh(a + a.mH), (2, 2)),
    "eigh": (lambda a: fastnn.linalg.eigh(a + a.mH)[1].abs(), (2, 2)),
    "eigvals": (fastnn.linalg.eigvals, (2, 2)), "eig": (lambda a: fastnn.linalg.eig(a)[1].abs(), (2, 2)),
    "svdvals": (fastnn.linalg.svdvals, (2, 3)),
    "conv1d": (fastnn.conv1d, (1, 2, 4), (2, 2, 2), (2,)),
    "logsumexp": (lambda a: a.logsumexp(0), (3,)), "lerp": (fastnn.lerp, (3,), (3,), (3,)),
    "index": (lambda a: a[[0, 0, 2]], (3,)), "gather": (lambda a: a.gather(0, fastnn.tensor([0, 0, 1])), (3,)),
    "where": (lambda a, b: fastnn.where(fastnn.tensor([True, False, True]), a, b), (3,), (3,)),
    "in place": (lambda a, b: a.clone().mul_(b).add_(1j), (3,), (3,)),
    "fft": (fastnn.fft.fft, (2, 5)), "ifft": (lambda z: fastnn.fft.ifft(z, 4, norm="ortho"), (2, 5)),
    "irfft": (lambda z: fastnn.fft.irfft(z, 5), (3, 3)), "hfft": (fastnn.fft.hfft, (2, 4)),
    "fftn": (lambda z: fastnn.fft.fftn(z, norm="forward"), (2, 3, 2)), "irfft2": (fastnn.fft.irfft2, (2, 3)),
    "hfft2": (fastnn.fft.hfft2, (2, 3)),
}
OF_REAL = {
    "fft": (fastnn.fft.fft, (2, 5)), "rfft": (fastnn.fft.rfft, (2, 5)), "ihfft": (fastnn.fft.ihfft, (2, 4)),
    "rfft2": (lambda x: fastnn.fft.rfft2(x, s=(3, 3)), (2, 4)), "ihfftn": (fastnn.fft.ihfftn, (2, 3)),
    "complex": (fastnn.complex, (3,), (3,)), "polar": (fastnn.polar, (3,), (3,)),
    "times a number": (lambda x: x * 1j, (3,)), "cast": (lambda x: x.to(fastnn.complex128) ** 2, (3,)),
    "view_as_complex": (fastnn.view_as_complex, (3, 2)), "eig": (lambda a: fastnn.linalg.eigvals(a), (2, 2)),
    "stft": (lambda x: fastnn.stft(x, 4, window=fastnn.hann_window(4).double(), return_complex=True), (8,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_both_orders(name):
    function, *shapes = FUNCTIONS[name]
    inputs = [given(*shape, seed=i) for i, shape in enumerate(shapes)]
    assert fastnn.autograd.gradcheck(function, inputs)
    assert fastnn.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", OF_REAL)
def test_gradients_of_real_inputs(name):
    function, *shapes = OF_REAL[name]
    inputs = [given(*shape, real=True, seed=i) for i, shape in enumerate(shapes)]
    assert fastnn.autograd.gradcheck(function, inputs)
    assert fastnn.autograd.gradgradcheck(function, inputs)


def test_parts_are_views():
    z = fastnn.tensor([1 + 2j, 3 - 1j])
    z.real[0] = 5
    z.imag.mul_(10)
    fastnn.view_as_real(z)[1, 0] = 7
    assert z.tolist() == [5 + 20j, 7 - 10j]
    z.real, z.imag = fastnn.tensor([0.0, 1.0]), 2
    assert z.tolist() == [2j, 1 + 2j]
    pairs = fastnn.zeros(2, 2)
    fastnn.view_as_complex(pairs).add_(1 + 2j)
    assert pairs.tolist() == [[1, 2], [1, 2]]
    array = np.array([1j, 2])
    assert np.shares_memory(fastnn.from_numpy(array).real.numpy(), array)


def test_a_real_view_in_a_graph_is_not_changed_in_place():
    z = given(3) * 1
    with pytest.raises(RuntimeError, match="in the same dtype"):
        z.real.mul_(2)


def test_casts_warn_of_discarded_parts():
    z = fastnn.tensor([1 + 2j])
    for lose in (lambda: z.float(), lambda: z.to(fastnn.int64), lambda: fastnn.zeros(1).copy_(z),
                 lambda: fastnn.zeros(1).__setitem__(0, z)):
        with pytest.warns(UserWarning, match="discards the imaginary part"):
            lose()
    with pytest.raises(RuntimeError, match="overflow"):
        fastnn.zeros(1)[0] = 1j


@pytest.mark.parametrize("dtype", [fastnn.complex64, fastnn.complex128])
def test_files_keep_complex_tensors(dtype):
    model = fastnn.nn.Linear(3, 2, dtype=dtype)
    x = fastnn.randn(2, 3, dtype=dtype)
    for value in (x, x.T, x[0], fastnn.tensor(1j, dtype=dtype), fastnn.zeros(0, dtype=dtype), model.weight):
        file = io.BytesIO()
        fastnn.save({"value": value, "part": value}, file)
        file.seek(0)
        for found in (fastnn.load(file)["value"], pickle.loads(pickle.dumps(value))):
            assert found.dtype is dtype and fastnn.equal(found, value) and type(found) is type(value)
    file = io.BytesIO()
    fastnn.save(model.state_dict(), file)
    file.seek(0)
    other = fastnn.nn.Linear(3, 2, dtype=dtype)
    other.load_state_dict(fastnn.load(file))
    assert fastnn.equal(other(x), model(x))


@pytest.mark.torch
def test_files_of_pytorch_with_complex_tensors():
    torch = pytest.importorskip("torch")
    values = {"z": torch.tensor([1 + 2j]), "conj": torch.tensor([1 + 2j], dtype=torch.complex128).conj()}
    file = io.BytesIO()
    torch.save(values, file)
    file.seek(0)
    found = fastnn.load(file)
    assert found["z"].tolist() == [1 + 2j] and found["conj"].tolist() == [1 - 2j]


OPTIMIZERS = [("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {}), ("AdamW", {"amsgrad": True}),
              ("RMSprop", {"centered": True, "momentum": 0.5}), ("Adagrad", {"initial_accumulator_value": 0.1}),
              ("Adadelta", {}), ("Adamax", {}), ("NAdam", {}), ("RAdam", {}), ("ASGD", {}), ("Rprop", {}),
              ("LBFGS", {})]


@pytest.mark.torch
@pytest.mark.parametrize("name, options", OPTIMIZERS, ids=[name for name, _ in OPTIMIZERS])
def test_optimizers_take_complex_parameters(name, options):
    """Beside a real one; the state goes through a state_dict."""
    torch = pytest.importorskip("torch")

    def trained(library):
        rng = np.random.default_rng(0)
        params = [library.nn.Parameter(library.from_numpy(rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2)))),
                  library.nn.Parameter(library.tensor(0.3 - 0.7j, dtype=library.complex128)),
                  library.nn.Parameter(library.ones(2, 2, dtype=library.float64))]
        optimizer = getattr(library.optim, name)(params, lr=0.1, **options)

        def closure():
            optimizer.zero_grad()
            loss = ((params[0] ** 2 + params[1]).abs() ** 2).sum() + (params[2] ** 2).sum()
            loss.backward()
            return loss
        for _ in range(4):
            optimizer.step(closure)
            optimizer.load_state_dict(optimizer.state_dict())
        return [param.detach().numpy() for param in params]
    for mine, theirs in zip(trained(fastnn), trained(torch)):
        np.testing.assert_allclose(mine, theirs, 1e-6, 1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("options", [{}, {"hop_length": 5, "win_length": 12}, {"center": False, "normalized": True},
                                     {"onesided": False}, {"pad_mode": "constant"}], ids=str)
def test_transforms_of_windows(options):
    """There and back, with gradients."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(2, 50))

    def transformed(library):
        window = library.hann_window(options.get("win_length", 16), dtype=library.float64) + 0.1
        signal = library.from_numpy(x).requires_grad_()
        z = library.stft(signal, 16, window=window, return_complex=True, **options)
        y = library.istft(z * 2j, 16, window=window, length=40,
                          **{key: value for key, value in options.items() if key != "pad_mode"})
        ((z.abs() ** 1.5).sum() + (y ** 2).sum()).backward()
        return z.detach().numpy(), y.detach().numpy(), signal.grad.numpy()
    for mine, theirs in zip(transformed(fastnn), transformed(torch)):
        np.testing.assert_allclose(mine, theirs, 1e-10, 1e-10)


@pytest.mark.torch
def test_random_streams_are_pytorchs():
    torch = pytest.importorskip("torch")
    for dtype in ("complex64", "complex128"):
        for size in (3, 20):
            for draw in (lambda t, kind, size=size: t.randn(size, dtype=kind),
                         lambda t, kind, size=size: t.rand(size, dtype=kind),
                         lambda t, kind, size=size: t.empty(size, dtype=kind).normal_(1, 2),
                         lambda t, kind, size=size: t.empty(size, dtype=kind).uniform_(-1, 1)):
                torch.manual_seed(3)
                fastnn.manual_seed(3)
                np.testing.assert_allclose(draw(fastnn, getattr(fastnn, dtype)).numpy(),
                                           draw(torch, getattr(torch, dtype)).numpy(), 1e-6, 1e-7)


def test_reference_has_them_too():
    with fastnn.use_backend("reference"):
        z = given(3)
        (z * z.conj()).abs().sum().backward()
        assert fastnn.allclose(z.grad, 2 * z)


def test_real_programs_load_nothing():
    """The table is loaded by the first complex tensor."""
    import subprocess
    import sys
    program = ("import sys, fastnn; x = fastnn.ones(3, requires_grad=True); (x.abs() + x.conj()).sum().backward();"
               "print('fastnn.ops.complex_numbers' in sys.modules, 'fastnn.fft' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True).stdout.split() == ["False", "False"]


def test_the_standard_deviation_of_equal_numbers_has_the_slope_0():
    x = fastnn.full((3,), 1 + 2j).requires_grad_()
    sum(x.std() + part[0] for part in [fastnn.std_mean(x)]).backward()
    assert x.grad.tolist() == [0j] * 3
