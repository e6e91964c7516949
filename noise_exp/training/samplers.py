"""Fast samplers of common laws: exact quantile functions on whole arrays of uniform numbers.

If U is uniform on (0, 1) and Q a law's quantile function, then Q(U) follows that law, and so
does Q(1 - U) (Devroye, Non-Uniform Random Variate Generation, 1986, chapter II). Everything
happens in place in the array to fill, so NumPy's vectorised functions run at the speed of the
processor's cache.

Uniform numbers in float32 have 32 random bits: (k + 1/2) / 2^32. Near 0 a float32 holds all of
them, near 1 only 24, so each law is written in the variable whose small values make its tail.
In float64 they have 53.
"""

import math
from collections.abc import Callable

import numpy as np

Sampler = Callable[[np.random.Generator, np.ndarray], None]

_MAX_VALUES = 2000  # of a discrete law with a table
_NEGLIGIBLE = 1e-30
_LARGEST = 2.0**63  # integer that NumPy's samplers make


def fast_sampler(name: str, parameters: dict[str, float]) -> Sampler | None:
    """Return a function of (generator, array) that fills the array with draws of a law.

    None where the law has no such sampler, or none for these parameters. The array is
    one-dimensional and contiguous, float32 or float64. Names and parameters are those of
    `numpy.random.Generator`, which are taken to be valid.
    """
    make = _SAMPLERS.get(name)
    return make(**parameters) if make else None


def _raw(rng: np.random.Generator, n: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Return n uniform integers of all values of `dtype`, cut from 64 random bits each."""
    words = -(-n * np.dtype(dtype).itemsize // 8)
    return rng.integers(0, 2**64 - 1, words, np.uint64, endpoint=True).view(dtype)[:n]


def _uniform(rng: np.random.Generator, out: np.ndarray) -> None:
    """Fill with uniform numbers of the open interval (0, 1)."""
    if out.dtype == np.float32:
        np.copyto(out, _raw(rng, len(out), np.uint32), casting="unsafe")
        out += 0.5
        out *= (1 - 2**-24) / 2**32  # the largest is rounded up to 2^32, which must not give 1
    else:
        rng.random(out=out)
        out += 2**-54
        out *= 1 - 2**-53


def _log_uniform(rng: np.random.Generator, out: np.ndarray) -> None:
    """Fill with log U: minus an exponential variable, exact in its tail."""
    _uniform(rng, out)
    np.log(out, out=out)


def _move(out: np.ndarray, loc: float, scale: float) -> None:
    if scale != 1:
        out *= scale
    if loc != 0:
        out += loc


def _gumbel(loc: float = 0.0, scale: float = 1.0) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _uniform(rng, out)  # 1 - U of the quantile function: its long tail is on the right
        np.negative(out, out=out)
        np.log1p(out, out=out)
        np.negative(out, out=out)
        np.log(out, out=out)
        _move(out, loc, -scale)

    return fill


def _weibull(a: float) -> Sampler | None:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        np.negative(out, out=out)
        if a != 1:
            np.log(out, out=out)
            out *= 1 / a
            np.exp(out, out=out)

    return fill if a > 0 else None


def _pareto(a: float) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= -1 / a
        np.expm1(out, out=out)  # U^(-1/a) - 1

    return fill


def _power(a: float) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        if a == 1:
            _uniform(rng, out)
            return
        _log_uniform(rng, out)
        out *= 1 / a
        np.exp(out, out=out)  # U^(1/a)

    return fill


def _beta(a: float, b: float) -> Sampler | None:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= 1 / b
        np.expm1(out, out=out)
        np.negative(out, out=out)  # 1 - U^(1/b)

    return fill if a == 1 else None


def _rayleigh(scale: float = 1.0) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= -2
        np.sqrt(out, out=out)
        _move(out, 0, scale)

    return fill


def _triangular(left: float, mode: float, right: float) -> Sampler:
    below, above = mode - left, right - mode
    share = below / (right - left)  # of the probability below the mode
    slope_below, slope_above = 1 / (share or 1), 1 / (1 - share or 1)

    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        # Below the mode x = mode - below * (1 - sqrt(U / share)), above it likewise. With t from
        # -1 (left) over 0 (mode) to 1 (right), both are 1 - sqrt(1 - |t|) = |t| / (1 + sqrt(..)).
        _uniform(rng, out)
        out -= share
        _bend(out, slope_below, slope_above)
        root = np.abs(out)
        np.subtract(1, root, out=root)
        np.abs(root, out=root)  # rounding may leave it a little below 0
        np.sqrt(root, out=root)
        root += 1
        out /= root
        _bend(out, below, above)
        _move(out, mode, 1)

    return fill


def _bend(out: np.ndarray, below: float, above: float) -> None:
    """Multiply what is below 0 by one number, what is above by another."""
    if below == above:
        _move(out, 0, above)
        return
    size = np.abs(out)
    size *= (above - below) / 2
    out *= (above + below) / 2
    out += size


def _normal(loc: float = 0.0, scale: float = 1.0) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        """Box and Muller (1958): two normal numbers from a radius and an angle."""
        half = len(out) // 2
        first, second = out[: len(out) - half], out[len(out) - half :]
        radius, angle = np.empty_like(first), np.empty_like(first)
        _log_uniform(rng, radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        _uniform(rng, angle)
        angle *= 2 * math.pi
        np.cos(angle, out=first)
        first *= radius
        np.sin(angle[:half], out=second)
        second *= radius[:half]
        _move(out, loc, scale)

    return fill


def _noncentral_chisquare(df: float, nonc: float) -> Sampler | None:
    normal = _normal(math.sqrt(nonc))

    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        normal(rng, out)
        np.square(out, out=out)

    return fill if df == 1 else None  # the square of one normal number


def _binomial(n: float, p: float) -> Sampler | None:
    if not (1 <= n < _MAX_VALUES and 0 < p < 1):
        return None
    log_odds = math.log(p) - math.log1p(-p)
    log_choose = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(int(n) + 1)
    ]
    k = np.arange(int(n) + 1)
    return Discrete(np.exp(np.array(log_choose) + k * log_odds + n * math.log1p(-p)))


def _poisson(lam: float = 1.0) -> Sampler | None:
    last = math.ceil(lam + 15 * math.sqrt(lam) + 60)
    if lam <= 0 or last > _MAX_VALUES:
        return None
    log_p = [k * math.log(lam) - lam - math.lgamma(k + 1) for k in range(last)]
    return Discrete(np.exp(np.array(log_p)))


def _zipf(a: float) -> Sampler | None:
    if a < 1.5:  # draws beyond the largest integer, which NumPy rejects, are no longer rare
        return None
    # Euler and Maclaurin: the sum of j^-a over j > k is y^(1-a) / (a-1) * (1 - a(a-1) / (24 y^2))
    # with y = k + 1/2, up to terms of y^-4.
    y = _MAX_VALUES + 0.5
    beyond = y ** (1 - a) / (a - 1) * (1 - a * (a - 1) / (24 * y**2))
    weights = np.arange(1.0, _MAX_VALUES + 1) ** -a
    total = np.sum(weights[::-1]) + beyond

    def far(u: np.ndarray) -> np.ndarray:
        """Quantiles beyond the table: the same expansion solved for k, rounded up."""
        y = ((a - 1) * u * total) ** (-1 / (a - 1))
        return np.minimum(np.floor(y + 0.5 - a / (24 * y)), _LARGEST)

    return Discrete(weights / total, beyond / total, lowest=1, far=far)


class Discrete:
    """A law of `lowest`, `lowest` + 1, ..., sampled by look-up.

    U = (h + V) / 2^16: a table holds the value for each h that leaves only one; where h does
    not decide, V is drawn too, in double precision. U near 0 makes large values.

    Parameters
    ----------
    probabilities
        Shape (values,).
    beyond, far
        The probability of all greater values, and their quantile function of U.
    """

    def __init__(
        self,
        probabilities: np.ndarray,
        beyond: float = 0.0,
        lowest: int = 0,
        far: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._lowest = lowest
        self._far = far
        # P(X > value), summed from the small end; searchsorted wants it ascending.
        survival = np.cumsum(np.append(beyond, probabilities[::-1]))[-2::-1]
        self._minus_survival = -np.where(survival < _NEGLIGIBLE, 0, survival)
        edges = np.arange(2**16 + 1) / 2**16
        at_low = np.searchsorted(self._minus_survival, -edges[:-1])
        at_high = np.searchsorted(self._minus_survival, -edges[1:], "right")
        decided = (at_low == at_high) & (at_low < len(survival))
        table = np.where(decided, lowest + at_low, np.nan)
        self._tables = {np.dtype(d): table.astype(d) for d in (np.float32, np.float64)}

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the value x of each U, with P(X > x) < U <= P(X >= x); float64 (n,)."""
        index = np.searchsorted(self._minus_survival, -u, "right")
        x = self._lowest + index.astype(np.float64)
        return (
            x if self._far is None else np.where(index < len(self._minus_survival), x, self._far(u))
        )

    def __call__(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out` with independent draws."""
        h = _raw(rng, len(out), np.uint16)
        np.take(self._tables[out.dtype], h, out=out, mode="wrap")
        rare = np.flatnonzero(np.isnan(out))
        v = np.empty(len(rare))
        _uniform(rng, v)
        out[rare] = self.quantile((h[rare] + v) / 2**16)


_SAMPLERS: dict[str, Callable[..., Sampler | None]] = {
    "beta": _beta,
    "binomial": _binomial,
    "gumbel": _gumbel,
    "noncentral_chisquare": _noncentral_chisquare,
    "normal": _normal,
    "pareto": _pareto,
    "poisson": _poisson,
    "power": _power,
    "rayleigh": _rayleigh,
    "standard_normal": _normal,
    "triangular": _triangular,
    "weibull": _weibull,
    "zipf": _zipf,
}
