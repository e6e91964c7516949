"""Work is what was multiplied: a counter below NumPy's functions finds the products charged."""

import math
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from support import options, trial

from noise_exp.training import block, noise
from noise_exp.training.estimators import learned_feedback, weights
from noise_exp.training.network import Network


class Counted(np.ndarray):
    """An array that counts the products that it, or what was made of it, has a part in."""

    multiply_adds = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        plain = [np.asarray(x) for x in inputs]
        if out:
            kwargs["out"] = tuple(np.asarray(x) for x in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.matmul:
            Counted.multiply_adds += plain[0].shape[-1] * result.size
        if out:
            return out[0]
        return result.view(Counted) if isinstance(result, np.ndarray) else result

    def __array_function__(self, function, types, arguments, options):
        if function in (np.dot, np.inner, np.outer, np.tensordot):
            raise AssertionError(f"{function.__name__} is not counted here")
        if function is np.einsum:
            letters = arguments[0].partition("->")[0].replace(",", "")
            sizes = [n for operand in arguments[1:] for n in operand.shape]
            Counted.multiply_adds += math.prod(dict(zip(letters, sizes, strict=True)).values())
            result = function(arguments[0], *map(np.asarray, arguments[1:]))
            return np.asarray(result).view(Counted)
        return super().__array_function__(function, types, arguments, options)


@pytest.fixture
def counted(monkeypatch):
    """Let weights, gradients and noise be counted ones, and so all that is made of them."""

    def counting(function):
        return lambda *arguments: function(*arguments).view(Counted)

    matrices = Network.matrices
    monkeypatch.setattr(
        Network, "matrices", lambda *arguments: [m.view(Counted) for m in matrices(*arguments)]
    )
    arrays = {"empty": counting(np.empty), "zeros": counting(np.zeros)}
    for module in (block, noise, learned_feedback, weights):
        monkeypatch.setattr(module, "np", SimpleNamespace(**{**vars(np), **arrays}))
    monkeypatch.setattr(Counted, "multiply_adds", 0)
    return Counted


@pytest.mark.parametrize("size", ["null", 500])
@pytest.mark.parametrize("hidden", ["[]", "[8]", "[8,4]"])
@pytest.mark.parametrize(
    "method",
    [*options("preset"), "low_rank_es estimator.rank=3",
     "node_perturbation_blind estimator.samples=3",
     "low_rank_es estimator.images=all estimator.pairs=3",
     "backprop network.frozen=[1]", "feedback_alignment network.frozen=[1]",
     "direct_kolen_pollack network.frozen=[1]"],
)  # fmt: skip
def test_what_is_charged_was_multiplied(method, hidden, size, counted):
    run = trial(
        "experiment=feedback", *f"preset={method}".split(), "data=article", "epochs=2",
        f"network.hidden={hidden}", f"batch_size={size}", "forward_passes=null",
    )  # fmt: skip
    *_, last = run.train()
    one = len(run.objective) * run.objective.network.n_parameters
    assert last.forward_passes == pytest.approx(counted.multiply_adds / one, rel=1e-9)
    assert last.forward_passes > 1


def test_frozen_layers_cost_their_forward_pass_alone():
    """A read-out on 1,024 random units: the products of one pass, and of the outputs' gradient."""
    run = trial("experiment=feedback", "preset=shallow", "data=article", "epochs=1",
                "network.hidden=[1024]", "batch_size=null", "forward_passes=null")  # fmt: skip
    *_, last = run.train()
    network = run.objective.network
    outputs = (1024 + 1) * network.sizes[-1]
    assert last.forward_passes == pytest.approx(1 + outputs / network.n_parameters, rel=1e-9)


@pytest.mark.parametrize("frozen", ["[1]", "[2]", "[1,3]"])
@pytest.mark.parametrize(
    "method", ["dist=backprop", "estimator=kolen_pollack", "estimator=learned_feedback"]
)
def test_what_is_not_computed_for_frozen_layers_changes_no_other(method, frozen):
    ways = ["data=xor", "network=small", "epochs=5", "dist=gaussian", "optimizer=momentum"]
    run, whole = (trial(*ways, method, f"network.frozen={frozen}") for _ in range(2))
    whole.objective._frozen = ()
    for part in (run, whole):
        deque(part.train(), 0)
    np.testing.assert_array_equal(run.parameters, whole.parameters)
