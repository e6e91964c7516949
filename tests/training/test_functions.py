"""The portable functions against float64, over all of float32."""

import sys

import numpy as np
import pytest
from numpy.polynomial import polynomial

from noise_exp.training import functions
from noise_exp.training.workers import Workers

PORTABLE = {
    np.arctan: functions.portable_arctan,
    np.log1p: functions.portable_log1p,
    np.expm1: functions.portable_expm1,
}
DOMAIN = {np.log1p: (-1, np.inf), np.expm1: (-np.inf, 88.7)}
BOUND = {np.arctan: 3.2e-7, np.log1p: 3.5e-7, np.expm1: 4.5e-7}  # as the docstrings say
TINY = float(np.finfo(np.float32).smallest_subnormal)


def applied(native, x):
    out = np.empty_like(x)
    with np.errstate(all="raise", under="ignore"):
        PORTABLE[native](x, out=out)
    return out


def agree(native, x, y):
    """Within the bound, signs of zeros included; a subnormal may miss by one unit."""
    with np.errstate(all="ignore"):
        exact = native(x.astype(np.float64))
        finite = np.isfinite(exact)
        off = np.abs(y[finite] - exact[finite])
    assert (off <= BOUND[native] * np.abs(exact[finite]) + TINY).all()
    assert np.array_equal(y[~finite], exact[~finite].astype(np.float32), equal_nan=True)
    number = ~np.isnan(exact)
    assert np.array_equal(np.signbit(y[number]), np.signbit(exact[number]))


@pytest.fixture(params=PORTABLE, ids=lambda f: f.__name__)
def native(request):
    return request.param


def agree_in_the_domain(native, x):
    low, high = DOMAIN.get(native, (-np.inf, np.inf))
    x = x[(x > low) & (x < high)]
    agree(native, x, applied(native, x))


def test_every_size_and_sign_is_within_the_bound(native):
    for start in range(0, 2**32, 2**28):  # every 173rd of all float32
        bits = np.arange(start, start + 2**28, 173, dtype=np.uint64).astype(np.uint32)
        agree_in_the_domain(native, bits.view(np.float32))


@pytest.mark.parametrize(
    "middle", [1e-7, 1e-4, 0.0625, 0.25, 0.4142, 0.5, 0.7, 1, 2, 8.18, 16, 2**24, 1e18, 1.85e19]
)
def test_where_the_formulas_change_and_rounding_is_hardest(native, middle):
    near = np.float32(middle).view(np.int32) + np.arange(-2000, 2000, dtype=np.int32)
    for sign in (1, -1):
        agree_in_the_domain(native, sign * near.view(np.float32))


def test_special_values(native):
    x = [0, -0.0, TINY, -TINY, 1.2e-38, -1.2e-38, np.nan, np.inf]
    x += [-np.inf, -3.4e38, -1e4, -88] if native is not np.log1p else []
    x += [3.4e38] if native is not np.expm1 else []
    agree(native, np.float32(x), applied(native, np.float32(x)))


@pytest.mark.parametrize(
    ("function", "x", "warning", "y"),
    [
        (functions.portable_log1p, -1, "divide by zero", -np.inf),
        (functions.portable_log1p, -2, "invalid", np.nan),
        (functions.portable_expm1, 89, "overflow", np.inf),
    ],
)
def test_what_has_no_finite_value_warns_as_numpy_does(function, x, warning, y):
    out = np.empty(1, np.float32)
    with pytest.warns(RuntimeWarning, match=warning):
        function(np.float32([x]), out=out)
    np.testing.assert_array_equal(out, y)


def test_chunks_strides_and_place_change_no_bit(native, monkeypatch):
    monkeypatch.setattr(functions, "_CHUNK", 1000)
    rng, function = np.random.default_rng(1), PORTABLE[native]
    for shape in ((0,), (1,), (999,), (1000,), (2001,), (7, 130), (40, 300), (3, 1500), (0, 5)):
        x = rng.uniform(-0.9, 3, shape).astype(np.float32)
        one_by_one = [applied(native, number) for number in x.reshape(-1, 1)]
        expected = np.concatenate([np.empty(0, np.float32), *one_by_one]).reshape(shape)
        wide = np.full((*shape[:-1], shape[-1] + 3), 5, np.float32)  # rows that lie apart
        apart = wide[..., :-3]
        function(x, out=apart)
        np.testing.assert_array_equal(apart, expected)
        assert (wide[..., -3:] == 5).all()
        for source, out in ((x, np.empty_like(x)), (apart, apart), (x, x)):
            source[...] = x
            function(source, out=out)
            np.testing.assert_array_equal(out, expected)


def test_float64_is_numpys_own(native):
    x = np.random.default_rng(2).uniform(-0.9, 3, (70, 1001))
    expected = native(x)
    PORTABLE[native](x, out=x)
    np.testing.assert_array_equal(x, expected)


def test_threads_do_not_meet():
    x = np.random.default_rng(3).normal(size=(64, 5000)).astype(np.float32)
    expected, out = applied(np.arctan, x), np.empty_like(x)
    for _ in range(20):
        Workers(4).map(
            lambda i: functions.portable_arctan(x[i : i + 1], out=out[i : i + 1]), range(64)
        )
        np.testing.assert_array_equal(out, expected)


def test_the_fraction_of_arctan_is_derived_as_its_docstring_says():
    angle = (2 * np.arange(6) + 1) * np.pi / 12
    c = (1 + np.cos(angle)) / 2  # six Chebyshev points of [0, 1]
    y = np.arccos(c) / np.sqrt(1 - c**2)
    # P(c) - y (Q(c) - 1) = y, for P of degree 2 and Q of degree 3 with Q(0) = 1.
    equations = np.column_stack([c**0, c, c**2, -y * c, -y * c**2, -y * c**3])
    p0, p1, p2, q1, q2, q3 = np.linalg.solve(equations, y)
    # g(w) = P(1/w) / Q(1/w) / w as a continued fraction, by division with remainder.
    (m1, k1), rest = polynomial.polydiv([q3, q2, q1, 1], [p2, p1, p0])
    (m2, k2), last = polynomial.polydiv([p2, p1, p0], rest)
    (m3, k3), _ = polynomial.polydiv(rest, last)
    derived = 1 / k1, m1 / k1, 1 / (k1 * k2), m2 / k2, 1 / (k2 * k3), m3 / k3
    np.testing.assert_allclose(functions.ARCTAN_FRACTION, derived, rtol=1e-9)


def test_numpys_own_is_used_where_it_is_vectorised(monkeypatch):
    for native, portable in PORTABLE.items():
        vectorised = functions.has_vector_code(native)
        chosen = getattr(functions, native.__name__)
        assert chosen is (native if vectorised else portable)
    introspect = pytest.importorskip("numpy.lib.introspect")
    for current, expected in (("X86_V4", True), ("AVX512_SKX", True), ("baseline(X86_V2)", False)):
        found = {"arctan": {"ff": {"current": current}}}
        monkeypatch.setattr(introspect, "opt_func_info", lambda *_, found=found: found)
        monkeypatch.setattr(sys, "platform", "linux")
        assert functions.has_vector_code(np.arctan) is expected
        monkeypatch.setattr(sys, "platform", "win32")
        assert not functions.has_vector_code(np.arctan)
