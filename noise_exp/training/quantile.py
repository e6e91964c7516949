"""A law of one's own, by its quantile function, which may be typed."""

import ast
from collections.abc import Callable
from functools import cache

import numpy as np

from noise_exp.training.noise import Law

_FUNCTIONS = ("abs", "arccos", "arcsin", "arctan", "ceil", "cos", "cosh", "exp", "floor", "log",
              "log1p", "maximum", "minimum", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh",
              "where")  # fmt: skip
_NAMES = {**{name: getattr(np, name) for name in _FUNCTIONS}, "pi": np.pi, "e": np.e}
_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Compare,
    ast.Load, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_PROBE = (np.arange(1, 1000) - 0.5) / 999


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


class QuantileLaw(Law):
    """A law by its quantile function Q: if u is uniform on (0, 1), Q(u) follows the law.

    Parameters
    ----------
    text
        Q as an expression of u, see `quantile_function`.

    Raises
    ------
    ValueError
        If it is no such expression, or not a finite number everywhere between 0 and 1.
    """

    def __init__(self, text: str) -> None:
        self.name, self.parameters, self._fast = text, {}, None
        with np.errstate(all="ignore"):
            try:
                values = self._at(_PROBE)
            except (TypeError, ValueError, ArithmeticError) as error:
                raise ValueError(f"{text!r} cannot be computed: {error}") from None
        if len(bad := _PROBE[~np.isfinite(values)]):
            raise ValueError(f"{text!r} is not a finite number at u = {bad[0]:.4g}")

    def _at(self, u: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(quantile_function(self.name)(u), float), u.shape)

    def sample(
        self, rng: np.random.Generator | np.random.RandomState, size: int | tuple[int, ...]
    ) -> np.ndarray:
        """Draw an array of shape `size`, float64."""
        uniform = 1 - rng.random(size)  # in (0, 1]
        uniform = np.minimum(uniform, 1 - 2.0**-53)
        with np.errstate(all="ignore"):
            return self._at(uniform)
