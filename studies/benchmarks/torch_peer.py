"""PyTorch as its users write a fast CPU loop: in place, without graphs, no new tensors.

Samplers are in-place ones. Where PyTorch's own is slow (exponential, Bernoulli, Poisson) or
missing, the distribution's quantile function of `uniform_` is faster, and used.
"""

import math
from collections.abc import Callable

import torch

from noise_exp.training import Trial
from noise_exp.training.article import DROPPED_LR as LR
from noise_exp.training.article import SEED, SIGNAL
from studies.benchmarks.problem import Train, poisson_cumulative, zipf_cumulative

_TINY = 2**-25  # uniform_ may give 0


def prepare(trial: Trial) -> Train:
    """Return a function that trains for a number of epochs."""
    torch.set_num_threads(trial.objective.workers.threads)
    torch.manual_seed(SEED)
    x = torch.from_numpy(trial.split.train_images.copy())
    y = torch.from_numpy(trial.split.train_labels.copy())[:, None]
    initial = trial.network.views(trial.parameters)
    layers = [(torch.from_numpy(w.copy()), torch.from_numpy(b.copy())) for w, b in initial]
    if trial.distribution is None:
        return _backprop(x, y, layers)
    hidden = [torch.empty(len(x), len(b)) for _, b in layers]
    noise = [(torch.empty_like(w), torch.empty_like(b)) for w, b in layers]
    fill = _SAMPLERS[trial.distribution.name]

    @torch.inference_mode()
    def run(epochs: int) -> float:
        for _ in range(epochs):
            below = x
            for i, ((w, b), out) in enumerate(zip(layers, hidden, strict=True)):
                torch.addmm(b, below, w, out=out)
                below = out.sigmoid_() if i == len(layers) - 1 else out.atan_()
            (below.round() != y).float().mean().item()
            cost = torch.nn.functional.mse_loss(below, y).item()
            for layer, xi, signal in zip(layers, noise, SIGNAL, strict=True):
                for tensor, drawn in zip(layer, xi, strict=True):
                    tensor.add_(fill(drawn), alpha=signal * LR * cost)
        return cost

    return run


def _backprop(
    x: torch.Tensor, y: torch.Tensor, layers: list[tuple[torch.Tensor, torch.Tensor]]
) -> Train:
    parameters = [t.requires_grad_() for layer in layers for t in layer]
    optimizer = torch.optim.SGD(parameters, lr=LR)
    *hidden, (w_out, b_out) = layers

    def run(epochs: int) -> float:
        for _ in range(epochs):
            below = x
            for w, b in hidden:
                below = torch.addmm(b, below, w).atan_()
            output = torch.addmm(b_out, below, w_out).sigmoid()
            half_sum = torch.nn.functional.mse_loss(output, y, reduction="sum") / 2
            optimizer.zero_grad()
            half_sum.backward()
            optimizer.step()
            cost = 2 * half_sum.item() / len(x)
            (output.detach().round() != y).float().mean().item()
        return cost

    return run


def _exponential(t: torch.Tensor) -> torch.Tensor:
    return t.uniform_(_TINY, 1).log_().neg_()


def _triangular(t: torch.Tensor) -> torch.Tensor:
    t.uniform_(-1, 1)
    return t.copysign_(t.abs().neg_().add_(1).sqrt_().neg_().add_(1))


def _poisson(t: torch.Tensor) -> torch.Tensor:
    u = t.uniform_()
    return t.copy_(torch.bucketize(u, _POISSON, out_int32=True, right=True))


def _zipf(t: torch.Tensor) -> torch.Tensor:
    u = t.uniform_(_TINY, 1)
    index = torch.bucketize(u, _ZIPF, out_int32=True, right=True)
    far = torch.floor(6 / math.pi**2 / (1 - u))
    return torch.where(index < len(_ZIPF), index + 1, far, out=t)


_POISSON = torch.tensor(poisson_cumulative(), dtype=torch.float32)
_ZIPF = torch.tensor(zipf_cumulative(), dtype=torch.float32)
_SAMPLERS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gumbel": lambda t: _exponential(t).log_().neg_(),
    "normal": lambda t: t.normal_(),
    "standard_normal": lambda t: t.normal_(),
    "binomial": lambda t: t.random_(0, 2),
    "beta": lambda t: t.uniform_().square_().neg_().add_(1),
    "poisson": _poisson,
    "zipf": _zipf,
    "pareto": lambda t: t.uniform_(_TINY, 1).reciprocal_().sub_(1),
    "power": lambda t: t.uniform_(),
    "rayleigh": lambda t: _exponential(t).mul_(2).sqrt_(),
    "triangular": _triangular,
    "weibull": _exponential,
    "noncentral_chisquare": lambda t: t.normal_(mean=math.sqrt(0.5)).square_(),
}
