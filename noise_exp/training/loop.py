"""The training loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from noise_exp.training.article_stream import ArticleStream
from noise_exp.training.estimators import Estimator, Noise
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.optimizers import Moment, Optimizer
from noise_exp.training.streams import IndependentStreams


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: what was measured before its steps, and what was spent up to its end.

    Attributes
    ----------
    epoch
        Counted from 0.
    cost
        The cost over the training images; in batches a mean over the epoch, each batch measured
        before its step. Estimators that measure around the parameters only give a mean of that.
    train_error_rate
        Share of the training images misclassified, 0 to 1, measured like the cost.
    train_seconds
        Time spent in training since its start, in seconds; the caller's time is left out.
    forward_passes
        Passes over the training images since the start; a backward pass counts two.
    progress
        Share of the training that is over, 0 to 1.
    """

    epoch: int
    cost: float
    train_error_rate: float
    train_seconds: float
    forward_passes: float
    progress: float


@dataclass(frozen=True)
class Schedule:
    """How long to train, and on how many images at a time.

    Attributes
    ----------
    epochs
        Epochs at most; None for no such limit.
    forward_passes
        The budget in passes over the training images: no step but the first is begun that would
        spend more, an image costing what it did in the last step. None for no such limit.
    batch_size
        Images per step; None for all. An epoch has each image once, in a new order.
    frozen
        Parts of the parameters that keep their initial values. Noise is drawn for them all the
        same, and estimators that put it on the weights measure with it.
    """

    epochs: int | None = None
    forward_passes: float | None = None
    batch_size: int | None = None
    frozen: Sequence[slice] = ()


def train(
    objective: Objective,
    estimator: Estimator,
    optimizer: Optimizer,
    noise: Noise,
    parameters: np.ndarray,
    schedule: Schedule,
    streams: IndependentStreams | ArticleStream,
) -> Iterator[EpochRecord]:
    """Train `parameters`, shape (n_parameters,), in place; yield a record after every epoch.

    `streams` draws the batches, and what an optimizer leaves to chance.
    """
    direction = np.empty_like(parameters)
    seconds, epoch, per_image = 0.0, 0, 0.0
    known: Evaluation | None = None
    n = len(objective)
    size = min(schedule.batch_size or n, n)
    steps = -(-n // size)
    objective.choose(None)

    def over(step: int) -> bool:
        if schedule.epochs is not None and epoch + step / steps >= schedule.epochs:
            return True
        images = min(size, n - step % steps * size)
        after = objective.forward_passes + per_image * images / n
        budget = schedule.forward_passes
        return budget is not None and after > budget * (1 + 1e-9)

    def progress(step: int) -> float:
        shares = [0.0]
        if schedule.epochs is not None:
            shares.append((epoch + step / steps) / schedule.epochs)
        if schedule.forward_passes is not None:
            shares.append(objective.forward_passes / schedule.forward_passes)
        return min(1.0, max(shares))

    while not over(0):
        start = perf_counter()
        order = None if size == n else streams.batch_order.permutation(n)
        measured: list[tuple[int, Evaluation]] = []
        for step in range(steps):
            if over(step):
                break
            if order is not None:
                objective.choose(order[step * size : (step + 1) * size])
                known = None
            spent, done = objective.forward_passes, progress(step)
            # A law with heavy tails may overflow the network: that is a result, not an error.
            with np.errstate(over="ignore", invalid="ignore"):
                evaluation = estimator.estimate(objective, parameters, noise, known, direction)
                for part in schedule.frozen:
                    direction[part] = 0
                moment = Moment(objective, evaluation, epoch, done, streams.chance)
                known = optimizer.step(parameters, direction, moment)
            per_image = (objective.forward_passes - spent) * n / objective.batch_size
            measured.append((objective.batch_size, evaluation))
        images = sum(size for size, _ in measured)
        seconds += perf_counter() - start
        yield EpochRecord(
            epoch,
            sum(size * e.cost for size, e in measured) / images,
            sum(size * e.error_rate for size, e in measured) / images,
            seconds,
            objective.forward_passes,
            1.0 if over(len(measured)) else progress(len(measured)),
        )
        epoch += 1
