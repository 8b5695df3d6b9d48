"""Arguments drawn at random from short descriptions, such as ``input:f[n,c] dim:dim? keepdim=bool?``.

A description is a list of parameters: ``name:kind`` may be given by position, ``name=kind`` by keyword alone, ``?``
marks one that may be left out, ``*`` one that may be spread over several arguments. A kind is a tensor or a method of
`Draw`:

    letter      x any dtype, f floating, i integer, b bool, p floating in (0, 1), a floating > 0, d distinct floating,
                s ascending floating, q well-conditioned matrices
    [n,c+1]     its shape: numbers, letters (drawn once a call), sums and products of them; ``..`` any leading sizes
    ~  =        or: broadcasts with the first tensor, has its shape
    <n          integers from 0 to n - 1; <-n also negative ones
"""
import functools
import re

import numpy as np

from fuzz.ir import LAYOUTS, Dtype, Leaf, Ref, laid_out

SIZES = (0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 7, 8, 11, 16, 17, 33, 65)
RANGES = {"k": (1, 3), "l": (1, 3), "m": (1, 3), "h": (3, 11), "w": (3, 11), "t": (3, 9), "g": (1, 3), "n": (0, 5),
          "c": (0, 5), "o": (0, 4), "r": (1, 5), "s": (1, 5), "v": (1, 7)}
FLOATS, WHOLE = ("float32", "float64", "float16"), ("int64", "int32", "uint8", "int16", "int8")
TENSOR = re.compile(r"([xfibpadqs])(~|=)?(?:\[(.*?)\])?(?:<(-?)(.+))?$")
PARAMETER = re.compile(r"(\w+)([:=])(.+?)(\*?)(\??)$")
# Other spellings that PyTorch's parser takes.
SPELLINGS = {"dim": "axis", "keepdim": "keepdims", "input": "x", "other": "x2", "dims": "dim", "size": "shape",
             "shape": "size"}


@functools.cache
def parsed(text):
    """[(name, keyword only, kind, spread, optional)]."""
    found = []
    for word in text.split():
        match = PARAMETER.match(word)
        if match is None:
            raise ValueError(f"{word!r} in {text!r}")
        name, sign, kind, star, optional = match.groups()
        found.append((name, sign == "=", kind, bool(star), bool(optional)))
    return found


@functools.cache
def pieces(kind):
    """`name(a,(b,c))` as its name and arguments."""
    name, _, rest = kind.partition("(")
    found, depth, quoted = [""], 0, False
    for c in rest[:-1]:
        quoted ^= c == "'"
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0 and not quoted:
            found.append("")
        else:
            found[-1] += c
    return name, found if rest else []


class Skip(Exception):
    """These draws lead nowhere: draw again."""


class Draw:
    """Draws the arguments of one call; new leaves and the pool of earlier tensors are the program's."""

    def __init__(self, rng, program, pool, main, small=False):
        self.rng, self.program, self.pool, self.main = rng, program, pool, main
        self.numbers = np.random.default_rng(rng.getrandbits(32))
        self.small = small
        self.big = rng.random() < 0.02 and not small
        self.mixed = True
        self.finite = False  # no NaN, infinities and the like
        self.plain = False  # nor large or small numbers
        self.begin()

    def begin(self):
        self.in_place = False
        self.sizes, self.first, self.shape_of_first, self.dtype_of_first = {}, None, (), self.main

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *options):
        return self.rng.choice(options)

    # ---- a call ----

    def call(self, text, method, spelled=True):
        """(args, kwargs) of a description; `method`: the first argument is self."""
        args, kwargs, by_name = [], {}, False
        for i, (name, keyword, kind, spread, optional) in enumerate(parsed(text)):
            if optional and self.chance(0.5) or name == "inplace" and self.in_place:
                by_name = True
                continue
            value = self.value(kind)
            if keyword or by_name or self.chance(0.1) and not (method and i == 0):
                by_name = True
                other = spelled and name in SPELLINGS and self.chance(0.03)
                kwargs[SPELLINGS[name] if other else name] = value
            elif spread and method and isinstance(value, tuple) and value and self.chance(0.6):
                args += value
            else:
                args.append(value)
        return args, kwargs

    def value(self, kind):
        if TENSOR.match(kind):
            return self.tensor(kind)
        name, given = pieces(kind)
        return getattr(self, "draw_" + name)(*given)

    # ---- tensors ----

    def tensor(self, kind):
        letter, relation, pattern, negative, bound = TENSOR.match(kind).groups()
        if relation is None and pattern is None or self.first is None:
            candidates = self.fitting(letter, pattern) if bound is None and letter not in "dqs" else []
            if candidates and self.chance(0.7):
                return self.remember(self.pool_choice(candidates), pattern)
            shape = self.shape(pattern) if pattern is not None else self.any_shape()
        elif relation == "~":
            shape = self.broadcasting(self.shape_of_first)
        elif relation == "=":
            shape = self.shape_of_first
        else:
            shape = self.shape(pattern) if pattern is not None else self.any_shape()
        if relation and bound is None and letter not in "dqs" and self.chance(0.4):
            same = [ref for ref, t in self.pool.items() if self.right_dtype(letter, t) and (
                t.shape == shape if relation == "=" else broadcastable(tuple(t.shape), self.shape_of_first))]
            if same:
                return self.pool_choice(same)
        limit = None if bound is None else self.size(bound)
        ref, leaf = self.leaf(letter, shape, limit, bool(negative))
        if self.first is None:
            self.first, self.shape_of_first, self.dtype_of_first = ref, leaf.array.shape, str(leaf.array.dtype)
        return ref

    def pool_choice(self, refs):
        return self.rng.choice(refs)

    def remember(self, ref, pattern):
        t = self.pool[ref]
        if pattern is not None:
            self.unify(pattern, tuple(t.shape), commit=True)
        if self.first is None:
            self.first, self.shape_of_first, self.dtype_of_first = ref, tuple(t.shape), str(t.dtype)[6:]
        return ref

    def right_dtype(self, letter, t):
        name = str(t.dtype)[6:]
        if letter == "x":
            return True
        if letter in "fpa":
            return name in FLOATS
        return name in WHOLE if letter == "i" else name == "bool"

    def fitting(self, letter, pattern):
        return [ref for ref, t in self.pool.items() if self.right_dtype(letter, t)
                and (pattern is None or self.unify(pattern, tuple(t.shape)))]

    def unify(self, pattern, shape, commit=False):
        """Whether a shape fits a pattern; binds its letters."""
        words = pattern.split(",") if pattern else []
        sizes = dict(self.sizes)
        if words and words[0] == "..":
            words = words[1:]
            if len(shape) < len(words) or len(shape) > len(words) + 2:
                return False
            lead = tuple(shape[:len(shape) - len(words)])
            if sizes.setdefault("..", lead) != lead:
                return False
            shape = shape[len(lead):]
        if len(words) != len(shape):
            return False
        for word, n in zip(words, shape):
            if word.isdigit():
                if int(word) != n:
                    return False
            elif word.isalpha():
                if sizes.setdefault(word, n) != n:
                    return False
            else:
                free = [letter for letter in dict.fromkeys(re.findall(r"[a-z]", word)) if letter not in sizes]
                if len(free) > 1:
                    sizes[free.pop()] = 1
                fit = [v for v in range(n + 1) if eval(word, {}, {**sizes, free[0]: v}) == n] if free else []
                if free and fit:
                    sizes[free[0]] = fit[-1]
                elif free or eval(word, {}, sizes) != n:
                    return False
        if commit:
            self.sizes = sizes
        return True

    def size(self, word):
        """The value of a size expression; letters without a value get one."""
        if word.isdigit():
            return int(word)
        for letter in re.findall(r"[a-z]", word):
            if letter not in self.sizes:
                if letter in RANGES:
                    low, high = RANGES[letter]
                    low = 1 if low == 0 and self.chance(0.8) else low
                    self.sizes[letter] = self.rng.randint(low, high)
                else:
                    self.sizes[letter] = self.any_size()
                if self.big and self.chance(0.4) and letter not in "klm":
                    self.sizes[letter] = self.rng.choice((16, 31, 64, 100) if letter in "hwt" else (64, 257, 1000))
        return max(0, eval(word, {}, self.sizes))

    def any_size(self):
        n = self.rng.choice(SIZES)
        return n if n or self.chance(0.5) else 2

    def shape(self, pattern):
        words = pattern.split(",") if pattern else []
        lead = ()
        if words and words[0] == "..":
            words = words[1:]
            if ".." not in self.sizes:
                self.sizes[".."] = tuple(self.any_size() for _ in range(self.rng.choice((0, 0, 1, 1, 2))))
            lead = self.sizes[".."]
        return lead + tuple(self.size(word) for word in words)

    def any_shape(self):
        if self.big:
            return self.rng.choice(((257,), (4099,), (20000,), (100, 257), (3, 5000), (4097, 3), (64, 33, 17)))
        ndim = self.rng.choice((0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4))
        shape = [self.any_size() for _ in range(ndim)]
        while np.prod(shape) > (70 if self.small else 3000):
            shape[shape.index(max(shape))] = 2
        return tuple(shape)

    def broadcasting(self, shape):
        """A shape that broadcasts with another, the same in half of the cases."""
        if self.chance(0.5):
            return shape
        found = [1 if self.chance(0.3) else n for n in shape]
        found = [self.rng.choice((2, 3)) if n == 1 and self.chance(0.2) else n for n in found]
        cut = self.rng.randint(0, len(found)) if self.chance(0.5) else 0
        extra = [self.rng.choice((1, 2, 3))] if self.chance(0.1) and np.prod(found) < 1000 else []
        if self.chance(0.01):
            found = [n + 1 for n in found]
        return tuple(extra + found[cut:] if not cut else found[cut:])

    def dtype(self, letter):
        if letter in "fpadqs":
            return self.main if self.chance(0.96) or not self.mixed else self.rng.choice(FLOATS)
        if letter == "i":
            return "int64" if self.chance(0.8) else self.rng.choice(WHOLE)
        if letter == "b":
            return "bool"
        draw = self.rng.random()
        if self.first is not None and draw < 0.7:
            return self.dtype_of_first
        return self.main if draw < 0.78 else self.rng.choice((*FLOATS[:2], *WHOLE, "int64", "bool", "bool"))

    def leaf(self, letter, shape, limit=None, negative=False):
        if np.prod(shape) > 200_000:
            raise Skip
        name = self.dtype(letter)
        array = self.array(letter, shape, name, limit, negative)
        layout = self.rng.choice(LAYOUTS) if self.chance(0.4) else "contiguous"
        if layout == "expanded":
            array = np.array(laid_out(array, layout))
        grad = array.dtype.kind == "f" and self.chance(0.6) and not (self.in_place and self.first is None)
        leaf = Leaf(f"x{len(self.program.leaves) + 1}", array, layout, grad)
        self.program.leaves.append(leaf)
        return Ref(leaf.name), leaf

    def array(self, letter, shape, name, limit=None, negative=False):
        numbers = self.numbers
        if name == "bool":
            return numbers.random(shape) < self.rng.choice((0.5, 0.5, 0.2, 1.1, -1))
        if name in WHOLE:
            low, high = (0 if name == "uint8" else -5), 10
            if limit is not None:
                low, high = (-limit if negative and name != "uint8" else 0), limit
                if limit <= 0:
                    if np.prod(shape):
                        raise Skip
                    low, high = 0, 1
                high = min(high, 127)
                low = max(low, -128)
            elif self.chance(0.15):
                low, high = (0, 255) if name == "uint8" else (-100, 100) if name == "int8" else (-30000, 30000)
                if name == "int64" and self.chance(0.4):
                    low, high = -2**62, 2**62
            return numbers.integers(low, high, shape, name)
        if letter == "d":
            array = numbers.permutation(int(np.prod(shape))).reshape(shape) * 0.5 - 3
        elif letter == "s":
            array = np.sort(numbers.standard_normal(shape), -1)
        elif letter == "q":
            array = numbers.standard_normal(shape) + 3 * np.eye(*shape[-2:])
        else:
            array = self.reals(shape)
            if letter == "p" and self.chance(0.95):
                array = np.clip(1 / (1 + np.exp(-np.clip(np.nan_to_num(array), -8, 8))), 0.001, 0.999)
            elif letter == "a" and self.chance(0.9):
                array = np.abs(array) + 0.01
        with np.errstate(all="ignore"):
            return np.asarray(array).astype(name)

    def reals(self, shape):
        """Numbers of one of several kinds."""
        numbers, draw = self.numbers, self.rng.random()
        if draw < 0.45 or self.plain:
            return numbers.standard_normal(shape)
        if draw < 0.57:
            return numbers.integers(-3, 4, shape).astype(float)  # ties, zeros
        if draw < 0.66:
            return numbers.random(shape)
        if draw < 0.72:
            return numbers.standard_normal(shape) + self.rng.choice((100, 1e4, -3e5))
        if draw < 0.78:
            return np.full(shape, self.rng.choice((0.0, 1.0, -2.5, 0.1, 12345.678, 1e-3)))
        if draw < 0.84:
            return numbers.standard_normal(shape) * 10.0 ** numbers.uniform(-4, 4, shape)
        if draw < 0.87:
            return numbers.standard_normal(shape) * self.rng.choice((1e30, 1e-30, 1e19, 1e-42))
        array = numbers.standard_normal(shape)
        if draw < 0.95 and not self.finite:  # few or many special ones among them
            special = numbers.choice((np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-41, 1.0, -1.0), shape)
            array = np.where(numbers.random(shape) < self.rng.choice((0.05, 0.3)), special, array)
        return array * 3

    # ---- other values ----

    def draw_y(self):
        """The other operand: a tensor that broadcasts, or a number."""
        return self.draw_num() if self.chance(0.3) else self.tensor("x~")

    def draw_num(self, *_):
        if self.dtype_of_first in WHOLE and self.chance(0.6):
            return self.rng.choice((0, 1, 2, 3, -1, -2, 5, True, 7))
        return self.rng.choice((0, 1, 2, -1, 0.5, -1.5, 3, 0.1, True, 2.0, -0.25, 1e-3, 100, 1.0, -3,
                                float("inf"), float("nan")) if self.chance(0.2) else (1, 2, 0.5, -1.5, 3, 2.0, -0.7))

    def draw_int(self, low, high):
        low, high = (-self.size(word[1:]) if word.startswith("-") else self.size(word) for word in (low, high))
        return self.rng.randint(low, max(low, high))

    def draw_ints(self, count, low, high):
        """An int or a tuple of that many."""
        if self.chance(0.6):
            return self.draw_int(low, high)
        return tuple(self.draw_int(low, high) for _ in range(int(count)))

    def draw_tuple(self, count, low, high):
        return tuple(self.draw_int(low, high) for _ in range(int(count)))

    def draw_is(self, word):
        return self.size(word)

    def draw_shape(self, *words):
        return tuple(self.size(word) for word in words)

    def draw_offsets(self):
        return self.constant(np.array(self.rng.choice(([0, 2, 4], [0, 0, 3], [0], [0, 6]))))

    def draw_signs(self):
        n = self.size("n")
        return self.constant(self.numbers.choice((1.0, -1.0), n).astype(self.main))

    def constant(self, array):
        self.program.leaves.append(Leaf(f"x{len(self.program.leaves) + 1}", array))
        return Ref(self.program.leaves[-1].name)

    def draw_real(self, low, high):
        return round(self.rng.uniform(float(low), float(high)), 3)

    def draw_bool(self):
        return self.rng.choice((True, False))

    def draw_of(self, *words):
        """One of the words, read as Python."""
        word = self.rng.choice(words)
        return eval(word) if not word.isalpha() or word in ("None", "True", "False") else word

    def draw_dim(self, extra="0"):
        n = len(self.shape_of_first) + int(extra)
        if self.chance(0.01):
            return n + 1
        return self.rng.randint(-n, n - 1) if n else self.rng.choice((0, -1))

    def draw_dims(self):
        """An int, several, or none."""
        draw, n = self.rng.random(), len(self.shape_of_first)
        if draw < 0.5 or n == 0:
            return self.draw_dim()
        if draw < 0.55:
            return None
        chosen = self.rng.sample(range(n), self.rng.randint(0 if self.chance(0.1) else 1, n))
        chosen = [d - n if self.chance(0.4) else d for d in chosen]
        return chosen if self.chance(0.3) else tuple(chosen)

    def draw_perm(self):
        n = len(self.shape_of_first)
        return tuple(d - n if self.chance(0.2) else d for d in self.rng.sample(range(n), n))

    def draw_dtype(self):
        return Dtype(self.rng.choice(("float32", "float64", "float32", "float64", "int64", "int32", "bool", "float16",
                                      "uint8")))

    def draw_fdtype(self):
        return Dtype(self.rng.choice(FLOATS))

    def draw_newshape(self):
        return tuple(self.any_size() for _ in range(self.rng.choice((0, 1, 1, 2, 2, 3))))

    def draw_reshape(self):
        """Another shape for as many elements."""
        n = int(np.prod(self.shape_of_first))
        found, rest = [], n
        for _ in range(self.rng.randint(1, 3)):
            divisors = [d for d in range(1, min(rest, 70) + 1) if rest % d == 0] if rest else [0, 1, 3]
            found.append(self.rng.choice(divisors))
            rest = rest // found[-1] if rest else 0
        found.append(rest)
        if n and self.chance(0.4):
            found[self.rng.randrange(len(found))] = -1
        return tuple(found)

    def draw_expand(self):
        shape = [self.rng.choice((2, 3)) if n == 1 and self.chance(0.6) else -1 if self.chance(0.2) else n
                 for n in self.shape_of_first]
        return tuple(([self.rng.choice((1, 2))] if self.chance(0.3) else []) + shape)

    def draw_index(self, dim="dim"):
        """An int within the first tensor's dimension that was drawn as `dim`."""
        n = self.shape_of_first[self.last_dim] if self.shape_of_first else 1
        return self.rng.randint(-n, n - 1) if n else 0

    def draw_keep(self):
        """A dimension whose size the following draws use."""
        dim = self.draw_dim()
        n = len(self.shape_of_first)
        self.last_dim = dim if -n <= dim < n else 0
        self.sizes["z"] = self.shape_of_first[self.last_dim] if n else 1
        return dim

    def draw_list(self, kind, low="1", high="4"):
        return [self.tensor(kind) for _ in range(self.rng.randint(int(low), int(high)))]

    def draw_likes(self):
        """Tensors that `cat` takes: the first's shape but for one dimension, `z`."""
        found = []
        base = list(self.any_shape()) or [2]
        at = self.rng.randrange(len(base))
        self.shape_of_first, self.first = tuple(base), "list"
        for _ in range(self.rng.randint(1, 4)):
            shape = list(base)
            if self.chance(0.6):
                shape[at] = self.any_size() % 9
            fit = [ref for ref, t in self.pool.items() if len(t.shape) == len(shape) and all(
                a == b for j, (a, b) in enumerate(zip(t.shape, shape)) if j != at)]
            found.append(self.rng.choice(fit) if fit and self.chance(0.6) else self.leaf("x", tuple(shape))[0])
        self.sizes["z"] = at
        return found if self.chance(0.8) else tuple(found)

    def draw_at(self):
        at, n = self.sizes["z"], len(self.shape_of_first)
        return at - n if self.chance(0.3) else at

    def draw_same(self):
        """Tensors of one shape."""
        shape = self.any_shape()
        self.shape_of_first = shape
        self.first = "list"
        return [self.leaf("x", shape)[0] for _ in range(self.rng.randint(1, 4))]

    def draw_item(self):
        """An index: ints, slices, None, Ellipsis, tensors, masks, lists."""
        shape = self.shape_of_first
        found, dims, mask = [], list(shape), self.chance(0.12)
        if mask:
            return self.leaf("b", shape)[0] if shape or self.chance(0.5) else True
        for n in dims[:self.rng.randint(0, len(dims))] if dims else []:
            draw = self.rng.random()
            if draw < 0.25 and n:
                found.append(self.rng.randint(-n, n - 1))
            elif draw < 0.6:
                bound = lambda: self.rng.choice((None, None, self.rng.randint(-n - 1, n + 1)))
                found.append(slice(bound(), bound(), self.rng.choice((None, None, 1, 2, 3))))
            elif draw < 0.75 and n:
                found.append(self.leaf("i", self.rng.choice(((), (2,), (3,), (2, 1))), n, True)[0])
            elif draw < 0.79 and n:
                found.append([self.leaf("i", (), n, True)[0] for _ in range(self.rng.choice((1, 2)))])
            elif draw < 0.82 and n:
                found.append([self.rng.randint(-n, n - 1) for _ in range(self.rng.choice((1, 2, 3)))])
            elif draw < 0.9:
                found.append(self.leaf("b", (n,))[0])
            else:
                found.append(slice(None))
        for extra in (None, Ellipsis):
            if self.chance(0.2):
                found.insert(self.rng.randint(0, len(found)), extra)
        if len(found) == 1 and self.chance(0.6):
            return found[0]
        return found if self.chance(0.12) else tuple(found)


def broadcastable(a, b):
    return all(m == n or m == 1 or n == 1 for m, n in zip(a[::-1], b[::-1]))
