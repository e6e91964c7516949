"""Fast samplers of common distributions: exact quantile functions on arrays of uniform numbers.

If U is uniform on (0, 1) and Q a distribution's quantile function, then Q(U) follows that
distribution, and so does Q(1 - U) (Devroye, Non-Uniform Random Variate Generation, 1986, chapter
II). Everything happens in place in the array to fill, so NumPy's vectorised functions run at the
speed of the processor's cache.

Near 0 a float32 holds all 32 random bits of U, near 1 only 24, so each distribution is written in
the variable whose small values make its tail. Powers by a small whole or half number are products
and square roots, which cost a tenth of a logarithm and an exponential function.
"""

import math
from collections.abc import Callable

import numpy as np

from noise_exp.training.discrete import binomial, poisson, uniform, uniform_angle, zipf
from noise_exp.training.functions import expm1, log1p

Sampler = Callable[[np.random.Generator, np.ndarray], None]

_LARGEST_POWER = 3  # by products: that of the smallest U, 2^-33, is a normal float32


def fast_sampler(name: str, parameters: dict[str, float]) -> Sampler | None:
    """Return a function of (generator, array) that fills the array with draws of a distribution.

    None where the distribution has no such sampler, or none for these parameters. The array is
    one-dimensional and contiguous, float32 or float64. Names and parameters are those of
    `numpy.random.Generator`, which are taken to be valid.
    """
    make = _SAMPLERS.get(name)
    return make(**parameters) if make else None


def _log_uniform(rng: np.random.Generator, out: np.ndarray) -> None:
    """Fill with log U: minus an exponential variable, exact in its tail."""
    uniform(rng, out)
    np.log(out, out=out)


def _move(out: np.ndarray, loc: float, scale: float) -> None:
    if scale != 1:
        out *= scale
    if loc != 0:
        out += loc


def _gumbel(loc: float = 0.0, scale: float = 1.0) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        uniform(rng, out)  # 1 - U of the quantile function: its long tail is on the right
        np.negative(out, out=out)
        log1p(out, out=out)
        np.negative(out, out=out)
        np.log(out, out=out)
        _move(out, loc, -scale)

    return fill


def _algebraic(exponent: float) -> bool:
    """Whether a power is a matter of a few products: multiples of 1/2 up to the largest."""
    return 0 < exponent <= _LARGEST_POWER and (2 * exponent).is_integer()


def _raise(x: np.ndarray, exponent: float) -> None:
    """Raise positive numbers to a power, in place."""
    if not _algebraic(exponent):
        np.log(x, out=x)
        x *= exponent
        np.exp(x, out=x)
        return
    if not exponent.is_integer():
        np.sqrt(x, out=x)
        exponent *= 2
    if exponent > 1:
        base = x.copy()
        for _ in range(int(exponent) - 1):
            x *= base


def _one_minus_power(v: np.ndarray, w: np.ndarray, exponent: float) -> None:
    """Write 1 - w^exponent to `v`, which holds 1 - w.

    As (1 - w) (1 + w + ... + w^(n-1)): without a difference, it is exact where w is near 1.
    """
    if not exponent.is_integer():
        w = np.sqrt(w)
        v /= w + 1  # 1 - sqrt(w)
        exponent *= 2
    if exponent > 1:
        total = w + 1
        for _ in range(int(exponent) - 2):
            total *= w
            total += 1
        v *= total


def _weibull(a: float) -> Sampler | None:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        np.negative(out, out=out)
        _raise(out, 1 / a)

    return fill if a > 0 else None


def _pareto(a: float) -> Sampler:
    exponent = 1 / a

    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        uniform(rng, out)
        w = out.copy()
        np.subtract(1, w, out=out)
        _one_minus_power(out, w, exponent)
        _raise(w, exponent)
        out /= w  # U^(-1/a) - 1 as (1 - U^(1/a)) / U^(1/a)

    def fill_by_logarithm(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= -exponent
        expm1(out, out=out)

    return fill if _algebraic(exponent) else fill_by_logarithm


def _power(a: float) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        uniform(rng, out)
        _raise(out, 1 / a)  # U^(1/a)

    return fill


def _beta(a: float, b: float) -> Sampler | None:
    exponent = 1 / b

    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        uniform(rng, out)
        if exponent < 1:  # thin towards 1, where U has to be small
            w = out.copy()
            np.subtract(1, w, out=out)
        else:
            w = 1 - out
        _one_minus_power(out, w, exponent)  # 1 - U^(1/b), or with 1 - U for U

    def fill_by_logarithm(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= exponent
        expm1(out, out=out)
        np.negative(out, out=out)  # 1 - U^(1/b)

    if a != 1:
        return None
    return fill if _algebraic(exponent) else fill_by_logarithm


def _rayleigh(scale: float = 1.0) -> Sampler:
    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        _log_uniform(rng, out)
        out *= -2
        np.sqrt(out, out=out)
        _move(out, 0, scale)

    return fill


_STEEP = 1e-3  # a side of less probability has a slope that rounds the other's numbers away


def _triangular(left: float, mode: float, right: float) -> Sampler | None:
    below, above = mode - left, right - mode
    share = below / (right - left)  # of the probability below the mode
    if 0 < min(share, 1 - share) < _STEEP:
        return None
    slope_below, slope_above = 1 / (share or 1), 1 / (1 - share or 1)

    def fill(rng: np.random.Generator, out: np.ndarray) -> None:
        # Below the mode x = mode - below * (1 - sqrt(U / share)), above it likewise. With t from
        # -1 (left) over 0 (mode) to 1 (right), both are 1 - sqrt(1 - |t|) = |t| / (1 + sqrt(..)).
        uniform(rng, out)
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
        uniform_angle(rng, angle)
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


_SAMPLERS: dict[str, Callable[..., Sampler | None]] = {
    "beta": _beta,
    "binomial": binomial,
    "gumbel": _gumbel,
    "noncentral_chisquare": _noncentral_chisquare,
    "normal": _normal,
    "pareto": _pareto,
    "poisson": poisson,
    "power": _power,
    "rayleigh": _rayleigh,
    "standard_normal": _normal,
    "triangular": _triangular,
    "weibull": _weibull,
    "zipf": zipf,
}
