"""What stands between the brackets: beside PyTorch, read and written. A list of more than numbers is a tuple."""
import numpy as np
import pytest

import fastnn

PLACES = """
x[[i, j]]
x[[i, j, i]]
x[[[0, 1], [1, 2]]]
x[[[0, 1], [1, 2]],]
x[[0, 1]]
x[[True, False, True]]
x[[T.tensor([True, False, True]), T.tensor([1, 2])]]
x[[T.tensor(1), T.tensor(2)]]
x[[0, T.tensor(2)]]
x[[slice(0, 2), T.tensor([1, 2])]]
x[[slice(0, 2), 1]]
x[[None, 0]]
x[[Ellipsis, 0]]
x[[0, Ellipsis]]
x[[i]]
x[[[0, 1]]]
x[[(0, 1), (1, 2)]]
x[[0, (1, 2)]]
x[[np.array([0, 1]), np.array([1, 2])]]
x[np.array([[0, 1], [1, 2]])]
x[[]]
x[()]
x[[[]]]
x[([0, 1], [1, 2])]
x[[0, 1], [1, 2]]
x[[0, 1], 1]
x[[i, j],]
x[:, [i, i]]
x[range(2)]
x[T.tensor([[0, 1], [1, 2]])]
x[[T.tensor([0]), T.tensor([1])]]
x[[i]*33]
x[[[0, 1]]*33]
x[[0]*40]
x[[np.int64(1), np.int64(2)]]
x[[T.tensor(1)]]
x[[[True, False, True], [0]]]
x[T.tensor([True, False, True]), [0]]
x[[T.tensor([0, 1], dtype=T.uint8)]]
x[True]
x[[True]]
x[False]
x[None, [0, 1]]
x[[0, 1], None]
x[[0, 1], None, [1, 2]]
x[..., [0, 1]]
x[T.tensor(1)]
x[T.tensor(True)]
x[1, [0, 1]]
y[1, :, [0, 1]]
y[[0, 1], :, [0, 1]]
y[:, [0, 1], [0, 1]]
y[[[0, 1], [0, 1]]]
y[[i, slice(None), i]]
y[[i, Ellipsis, i]]
y[[0, slice(None), [0, 1]]]
y[[slice(None), None, [0, 1]]]
x[(0, 1)]
x[[0, 1, 0]]
x[T.Size([0, 1])]
x[slice(None), T.tensor([[0, 1], [1, 0]])]
x[T.tensor([], dtype=T.long)]
x[T.tensor([])]
x[[T.tensor([0.])]]
x[3]
x[[3]]
x[[i, T.tensor([7, 8])]]
x[0, 0, 0]
x[{}]
x[1.0]
x[T.tensor([0, 1], dtype=T.int32)]
x[T.tensor([0, 1], dtype=T.int8)]
x[T.tensor([0, 1], dtype=T.int16)]
x[[0, 1], ..., [1, 2]]
""".strip().split("\n")


def names(library):
    return {"T": library, "np": np, "x": library.arange(12.0).reshape(3, 4), "y": library.arange(24.0).reshape(2, 3, 4),
            "i": library.tensor([0, 1]), "j": library.tensor([1, 2])}


def read(place, library):
    try:
        found = eval(place, names(library))
    except Exception as error:
        return type(error)
    return tuple(found.shape), found.tolist()


def written(place, library):
    given = names(library)
    try:
        exec(f"{place} = 100.0", given)
    except Exception as error:
        return type(error)
    return given["x"].tolist(), given["y"].tolist()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("outcome", [read, written])
@pytest.mark.parametrize("place", PLACES)
def test_beside_pytorch(place, outcome):
    torch = pytest.importorskip("torch")
    expected, found = outcome(place, torch), outcome(place, fastnn)
    if isinstance(expected, type):
        assert isinstance(found, type) and issubclass(found, expected), (found, expected)
    else:
        assert found == expected


def test_lists_of_tensors_are_tuples():
    x = fastnn.arange(12.0).reshape(3, 4).requires_grad_()
    i, j = fastnn.tensor([0, 1]), fastnn.tensor([1, 2])
    assert x[[i, j]].tolist() == [1.0, 6.0]
    x[[i, j]].sum().backward()
    assert x.grad.sum().item() == 2 and x.grad[0, 1] == x.grad[1, 2] == 1


def test_places_that_do_not_count_from_the_end():
    with pytest.raises(IndexError, match="out of range"):
        fastnn.index_select(fastnn.ones(3), 0, fastnn.tensor([-1]))
    for pivot in (0, -1, 4):
        pivots = fastnn.tensor([pivot, 2, 3], dtype=fastnn.int32)
        for function in (lambda: fastnn.lu_unpack(fastnn.eye(3), pivots),
                         lambda: fastnn.linalg.lu_solve(fastnn.eye(3), pivots, fastnn.ones(3, 1))):
            with pytest.raises(RuntimeError, match="between 1 and"):
                function()
