"""The training loop."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from noise_exp.training.estimators import Estimator, EstimatorState, FollowsSteps
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.optimizers import Optimizer, OptimizerState, StepContext
from noise_exp.training.streams import Streams


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
        Work since the start, see `Objective.forward_passes`.
    progress
        Share of the training that is over, 0 to 1.
    diagnostics
        By name what was asked for beside training, measured after the epoch's steps; see
        `noise_exp.training.diagnostics`.
    """

    epoch: int
    cost: float
    train_error_rate: float
    train_seconds: float
    forward_passes: float
    progress: float
    diagnostics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """How long to train, and on how many images at a time.

    Attributes
    ----------
    epochs
        Epochs at most; None for no such limit.
    forward_passes
        The budget of work (`Objective.forward_passes`): no step but the first is begun that would
        spend more, if it costs what the last on as many images did. None for no such limit.
    seconds
        The budget in seconds of training: no step but the first is begun after them. How far
        training comes then depends on the machine. None for no such limit.
    batch_size
        Images per step; None for all. An epoch has each image once, in a new order.

    Raises
    ------
    ValueError
        If a number is below 1, or seconds are not above 0, or not finite.
    """

    epochs: int | None = None
    forward_passes: float | None = None
    batch_size: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for key in ("epochs", "forward_passes", "batch_size", "seconds"):
            value = getattr(self, key)
            if value is None:
                continue
            enough, least = (
                (value > 0, "above 0") if key == "seconds" else (value >= 1, "at least 1")
            )
            if not enough:
                raise ValueError(f"{key} must be {least}, got {value}")
            if math.isinf(value):
                raise ValueError(f"{key} must be finite, got {value}; null stands for no limit")


def train(
    objective: Objective,
    estimator: Estimator,
    optimizer: Optimizer,
    noise: Noise,
    parameters: np.ndarray,
    schedule: Schedule,
    streams: Streams,
    frozen: Sequence[slice] = (),
    diagnose: Callable[[Any, np.ndarray], Mapping[str, float]] | None = None,
) -> Iterator[EpochRecord]:
    """Train `parameters`, shape (n_parameters,), in place; yield a record after every epoch.

    `streams` draws the batches, and what an optimizer leaves to chance. `frozen` are parts of the
    parameters that keep their values: noise is drawn for them all the same, and estimators that
    put it on the weights measure with it. `diagnose` is given the estimator's state and the
    parameters after each epoch; its time and products are not training's. Estimator and optimizer
    are left as they were.
    """
    estimating: EstimatorState = begun(estimator, objective)
    stepping: OptimizerState = begun(optimizer, parameters)
    direction = np.empty_like(parameters)
    pace = _Pace(objective, schedule)
    objective.choose(None)
    with objective.workers.hired() as at_work:
        while not pace.over():
            epoch = pace.epoch
            measured: list[tuple[int, Evaluation]] = []
            # Noise with heavy tails may overflow the network: that is a result, not an error.
            with at_work(), np.errstate(over="ignore", invalid="ignore"):
                for batch in pace.batches(streams):
                    if batch is not None:
                        objective.choose(batch)
                    done = pace.progress()
                    evaluation = estimating.estimate(objective, parameters, noise, direction)
                    for part in frozen:
                        direction[part] = 0
                    context = StepContext(
                        objective, evaluation, epoch, done, streams.chance, frozen
                    )
                    objective.known = _step(
                        estimating, optimizer, stepping, parameters, direction, context
                    )
                    measured.append((objective.batch_size, evaluation))
                diagnostics = diagnose(estimating, parameters) if diagnose else {}
            yield _record(epoch, measured, pace, diagnostics)


def _step(
    estimating: EstimatorState,
    optimizer: Optimizer,
    stepping: OptimizerState,
    parameters: np.ndarray,
    direction: np.ndarray,
    context: StepContext,
) -> Evaluation | None:
    """Take a step, and tell an estimator that asks for it."""
    if not isinstance(estimating, FollowsSteps):
        return stepping.step(parameters, direction, context)
    before = parameters.copy()
    known = stepping.step(parameters, direction, context)
    if not np.array_equal(before, parameters):  # a trial that was refused is no step
        # One of the user's own may be made from nothing of ours, and then has no weight decay.
        share = optimizer.kept(context) if hasattr(optimizer, "kept") else 1.0
        kept = np.full_like(parameters, share)
        for part in context.frozen:
            kept[part] = 1
        estimating.stepped(parameters - kept * before, kept)
    return known


def _record(
    epoch: int,
    measured: list[tuple[int, Evaluation]],
    pace: "_Pace",
    diagnostics: Mapping[str, float],
) -> EpochRecord:
    images = sum(size for size, _ in measured)
    return EpochRecord(
        epoch,
        sum(size * e.cost for size, e in measured) / images,
        sum(size * e.error_rate for size, e in measured) / images,
        pace.seconds,
        pace.forward_passes,
        1.0 if pace.over() else pace.progress(),
        diagnostics,
    )


class _Pace:
    """Where training stands in its schedule."""

    def __init__(self, objective: Objective, schedule: Schedule) -> None:
        self._objective, self._schedule = objective, schedule
        self._n = len(objective)
        self._size = min(schedule.batch_size or self._n, self._n)
        self._steps = -(-self._n // self._size)  # of an epoch
        self._before = objective.forward_passes
        self._passes_of: dict[int, float] = {}  # the last step on so many images
        self._taken = 0
        self._spent = 0.0  # seconds, up to the last epoch's end
        self._since: float | None = None

    @property
    def epoch(self) -> int:
        """Counted from 0."""
        return self._taken // self._steps

    @property
    def forward_passes(self) -> float:
        """Spent since the start."""
        return self._objective.forward_passes - self._before

    @property
    def seconds(self) -> float:
        """Spent since the start, without what passed between the epochs."""
        return self._spent + (perf_counter() - self._since if self._since is not None else 0)

    def batches(self, streams: Streams) -> Iterator[np.ndarray | None]:
        """Yield the indices of each batch of an epoch, None for all images; a step follows each.

        To be asked for where training is not over: the first batch comes without a second look.
        """
        self._since = perf_counter()
        whole = self._size == self._n
        order = None if whole else streams.batch_order.permutation(self._n)
        for start in range(0, self._n, self._size):
            if start and self.over():
                break
            spent = self.forward_passes
            yield None if order is None else order[start : start + self._size]
            self._passes_of[self._objective.batch_size] = self.forward_passes - spent
            self._taken += 1
        self._spent, self._since = self.seconds, None

    def over(self) -> bool:
        """Whether no other step may begin."""
        epochs, budget = self._schedule.epochs, self._schedule.forward_passes
        if epochs is not None and self._epochs() >= epochs:
            return True
        if self._schedule.seconds is not None and self.seconds >= self._schedule.seconds:
            return True
        images = min(self._size, self._n - self._taken % self._steps * self._size)
        most = max(self._passes_of.values(), default=0.0)  # of a last, smaller batch of the first
        after = self.forward_passes + self._passes_of.get(images, most)
        return budget is not None and after > budget * (1 + 1e-9)

    def progress(self) -> float:
        """Return the share of the training that is over, 0 to 1."""
        epochs, budget = self._schedule.epochs, self._schedule.forward_passes
        by_epochs = 0.0 if epochs is None else self._epochs() / epochs
        by_budget = 0.0 if budget is None else self.forward_passes / budget
        clock = self._schedule.seconds
        by_clock = 0.0 if clock is None else self.seconds / clock
        return min(1.0, max(by_epochs, by_budget, by_clock))

    def _epochs(self) -> float:
        return self.epoch + self._taken % self._steps / self._steps


def begun(part: Any, about: Any) -> Any:
    """Return what serves one training and holds its state: a part's settings serve many.

    An estimator or optimizer of the user's own may be without `init`, and hold its own state.
    """
    return part.init(about) if hasattr(part, "init") else copy.deepcopy(part)
