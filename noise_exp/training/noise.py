"""What noise is drawn from: any univariate sampler of NumPy, a formula, a class of one's own."""

import ast
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, partial
from statistics import NormalDist
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike

from noise_exp.training.samplers import fast_sampler

# The article's methods a to m in the order of its random stream, each with the parameters it used.
ARTICLE_DISTRIBUTIONS: dict[str, dict[str, float]] = {
    "gumbel": {"loc": 0.0, "scale": 1.0},
    "normal": {"loc": 0.0, "scale": 1.0},
    "standard_normal": {},
    "binomial": {"n": 1, "p": 0.5},
    "beta": {"a": 1.0, "b": 0.5},
    "poisson": {"lam": 1.0},
    "zipf": {"a": 2.0},
    "pareto": {"a": 1.0},
    "power": {"a": 1.0},
    "rayleigh": {"scale": 1.0},
    "triangular": {"left": -1.0, "mode": 0.0, "right": 1.0},
    "weibull": {"a": 1.0},
    "noncentral_chisquare": {"df": 1.0, "nonc": 0.5},
}
# NumPy cuts their fractions off without a word.
_WHOLE = {"binomial": ("n",), "hypergeometric": ("ngood", "nbad", "nsample")}
_FUNCTIONS = ("abs", "arccos", "arcsin", "arctan", "ceil", "cos", "cosh", "exp", "floor", "log",
              "log1p", "maximum", "minimum", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
              "where")  # fmt: skip
_NAMES = {**{name: getattr(np, name) for name in _FUNCTIONS}, "pi": np.pi, "e": np.e}
_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Compare,
    ast.Load, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_PROBE = (np.arange(1, 1000) - 0.5) / 999
_NO_SIZE = {"bytes", "choice", "integers", "permutation", "permuted", "shuffle", "spawn"}


@runtime_checkable
class DistributionLike(Protocol):
    """What noise is drawn from: a `Distribution`, or a frozen dataclass of one's own.

    Attributes
    ----------
    name
        Of its random stream: other names have other streams. It is no sampler's of NumPy.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 (described above)

    def fill(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out`, of shape (n,), float32 or float64, with independent draws from `rng`.

        Called by several threads at once, each with a generator and an array of its own.
        """


def check(dist: DistributionLike, dtype: DTypeLike) -> None:
    """Let it draw a few numbers.

    Raises
    ------
    ValueError
        If it is no `DistributionLike`, or draws none.
    """
    if not (isinstance(dist, DistributionLike) and isinstance(dist.name, str)):
        raise ValueError(f"distribution must have a name, a text, and fill(rng, out); got {dist!r}")
    if not isinstance(dist, Distribution) and hasattr(np.random.Generator, dist.name):
        raise ValueError(f"distribution has the name of NumPy's sampler {dist.name}; give another")
    draws = np.full(99, np.nan, dtype)
    with np.errstate(all="ignore"):  # heavy tails overflow, as they may in training
        try:
            dist.fill(np.random.default_rng(0), draws)
        except ValueError as error:
            raise ValueError(
                f"distribution {dist.name} must fill any out, shape (n,); with n = {len(draws)}: "
                f"{error}"
            ) from error
    if missing := np.count_nonzero(np.isnan(draws)):
        raise ValueError(
            f"distribution {dist.name} must write each number into out, as out[...] = "
            f"does; of {len(draws)} it left {missing} as they were, or not a number"
        )


class Distribution:
    """A distribution of noise: one of NumPy's samplers with its parameters fixed.

    Parameters
    ----------
    name
        The sampler's name in `numpy.random.Generator`, for example ``"gumbel"``.
    **parameters
        The sampler's own parameters, for example ``loc=0, scale=1``.

    Raises
    ------
    ValueError
        If NumPy has no such sampler, or the parameters are unknown to it, not finite numbers
        or outside its domain.
    """

    def __init__(self, name: str, **parameters: float) -> None:
        for key, value in parameters.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{key} must be a number, got {value!r}")
            if not math.isfinite(value):
                raise ValueError(f"{key} must be finite, got {value}")
            if key in _WHOLE.get(name, ()) and value != int(value):
                raise ValueError(f"{key} must be a whole number, got {value}")
        self.name = name
        self.parameters = parameters
        sampler = None if name in _NO_SIZE else getattr(np.random.Generator, str(name), None)
        if not callable(sampler):
            raise ValueError(
                f"distribution {name!r} is not a sampler of numpy.random.Generator; "
                "use one of its methods' names, for example gumbel"
            )
        given = ", ".join(f"{key}={value}" for key, value in parameters.items()) or "none"
        try:
            sample = self.sample(np.random.default_rng(0), 2)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} refuses its parameters ({given}): {error}") from None
        if np.shape(sample) != (2,):
            raise ValueError(f"{name} does not draw single numbers; use a univariate sampler")
        self._fast = fast_sampler(name, parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a copy anew: the fast sampler cannot be pickled."""
        return partial(type(self), self.name, **self.parameters), ()

    def sample(
        self, rng: np.random.Generator | np.random.RandomState, size: int | tuple[int, ...]
    ) -> np.ndarray:
        """Draw an array of shape `size`, in the sampler's own dtype (float64 or int64).

        With a `numpy.random.RandomState` the draws are those of NumPy's legacy functions.
        """
        return getattr(rng, self.name)(**self.parameters, size=size)

    def fill(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out`, of shape (n,), float32 or float64, with independent draws.

        Common ones have a fast sampler (`noise_exp.training.samplers`), all others NumPy's own.
        Both draw from the same distribution, not the same numbers.
        """
        if self._fast:
            self._fast(rng, out)
        else:
            out[...] = self.sample(rng, out.shape)


@cache
def quantile_function(text: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of u in (0, 1) that an expression describes, as `-log(1 - u)`.

    Raises
    ------
    ValueError
        If it is no expression of u, numbers, `pi`, `e` and NumPy's common functions.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{text!r} is no formula: {error.msg}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"{text!r} has {ast.unparse(node)!r}; use numbers, u and functions")
        if isinstance(node, ast.Name) and node.id not in {"u", *_NAMES}:
            raise ValueError(f"{node.id!r} is unknown; there are u, {', '.join(sorted(_NAMES))}")
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, int | float):
                raise ValueError(f"{node.value!r} is no number")
            node.value = float(node.value)  # whole numbers may grow without end
    code = compile(tree, "<formula>", "eval")
    return lambda u: eval(code, {"__builtins__": {}}, {**_NAMES, "u": u})


@dataclass(frozen=True)
class QuantileDistribution:
    """A distribution by its quantile function Q: if u is uniform on (0, 1), Q(u) follows it.

    Attributes
    ----------
    name
        Q as an expression of u, see `quantile_function`.

    Raises
    ------
    ValueError
        If it is no such expression, or not a finite number everywhere between 0 and 1.
    """

    name: str

    def __post_init__(self) -> None:
        try:
            values = self._at(_PROBE)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ValueError(f"{self.name!r} cannot be computed: {error}") from None
        if len(bad := _PROBE[~np.isfinite(values)]):
            raise ValueError(f"{self.name!r} is not a finite number at u = {bad[0]:.4g}")

    def _at(self, u: np.ndarray) -> np.ndarray:
        function = quantile_function(self.name)
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(function(u), float), u.shape)

    def fill(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out`, of shape (n,), with independent draws."""
        out[...] = self._at(np.minimum(1 - rng.random(len(out)), 1 - 2.0**-53))


class Noise(Protocol):
    """A source of noise: a distribution with its transform, and a place in a random stream.

    Attributes
    ----------
    rng
        For what an estimator draws beside the noise, as fair signs.
    """

    rng: np.random.Generator

    def fill(self, out: np.ndarray) -> None:
        """Fill `out`, one-dimensional and of any length, with fresh independent draws."""


def draw(noise: Noise, shapes: Sequence[tuple[int, ...]], dtype: DTypeLike) -> list[np.ndarray]:
    """Return arrays of these shapes, filled with one run of draws: views of a single array."""
    sizes = [math.prod(shape) for shape in shapes]
    flat = np.empty(sum(sizes), dtype)
    noise.fill(flat)
    ends = itertools.accumulate(sizes)
    return [
        flat[end - size : end].reshape(shape)
        for end, size, shape in zip(ends, sizes, shapes, strict=True)
    ]


class NoiseTransform(Enum):
    """What is done to a distribution's draws so that an estimate made from them is unbiased."""

    none = "none"
    sign = "sign"
    standardize = "standardize"
    rank = "rank"


def transform(
    how: NoiseTransform, rng: np.random.Generator | np.random.RandomState, xi: np.ndarray
) -> None:
    """Transform draws in place, shape (n,), which `standardize` and `rank` take as one sample.

    - `none` leaves them as they are;
    - `sign` multiplies each by an independent random sign: mean 0, and the same magnitudes;
    - `standardize` takes their mean away and divides by their standard deviation, both of these
      very draws, so that a distribution without moments has them too;
    - `rank` puts normal scores in the draws' order (Blom 1958: the normal
      quantile of (rank - 3/8) / (n + 1/4)), ties in random order: all become normal.
    """
    if not len(xi):
        return
    if how is NoiseTransform.sign:
        bits = np.unpackbits(np.frombuffer(rng.bytes(-(-len(xi) // 8)), np.uint8), count=len(xi))
        signs = bits.astype(xi.dtype)  # a masked negation would take five times as long
        signs *= -2
        signs += 1
        xi *= signs
    elif how is NoiseTransform.standardize:
        xi -= np.mean(xi, dtype=np.float64)
        spread = np.sqrt(np.mean(np.square(xi, dtype=np.float64)))
        if spread > 0:
            xi /= spread
    elif how is NoiseTransform.rank:
        order = rng.permutation(len(xi))  # argsort leaves equal draws in the order it finds them
        order = order[np.argsort(xi[order], kind="stable")]
        xi[order] = _normal_scores(len(xi))


@cache
def _normal_scores(n: int) -> np.ndarray:
    """Blom's approximation of the expected order statistics of n standard normal draws."""
    quantile = NormalDist().inv_cdf
    return np.array([quantile((k - 3 / 8) / (n + 1 / 4)) for k in range(1, n + 1)])
