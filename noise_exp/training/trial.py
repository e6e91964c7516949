"""A trial: a network with its images, noise, estimator and optimizer, put together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from noise_exp.training import article
from noise_exp.training.data import Split, live_pixels
from noise_exp.training.diagnostics import PROBE_IMAGES, diagnose
from noise_exp.training.estimators import CostScaled, Estimator, ExactGradient
from noise_exp.training.estimators.feedback import FeedbackWeights
from noise_exp.training.loop import EpochRecord, Schedule, begun, train
from noise_exp.training.network import Cost, Network, SquaredError, misclassified
from noise_exp.training.noise import DistributionLike, Noise, NoiseTransform, check
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Optimizer, Vanilla
from noise_exp.training.streams import Streams
from noise_exp.training.workers import Workers


@dataclass(frozen=True)
class Tested:
    """A network on the images for test.

    Attributes
    ----------
    outputs
        In 0..1, shape (images, outputs).
    wrong
        Which images are misclassified, shape (images,).
    cost
        Their cost, a mean over those whose class the network has; not a number if it has none.
    """

    outputs: np.ndarray
    wrong: np.ndarray
    cost: float

    @property
    def errors(self) -> int:
        """Test images misclassified."""
        return int(np.sum(self.wrong))

    @property
    def error_rate(self) -> float:
        """Share of the test images misclassified, 0 to 1."""
        return float(np.mean(self.wrong))


class Trial:
    """One network, ready to train; what is not given is the article's.

    A weight on a pixel that is dead in every image changes no output: with independent streams
    it keeps its initial value, and no noise is spent on it.

    A copy, by `copy.deepcopy` or `pickle`, goes on as the trial itself would, and so does the trial
    in a forked process.

    Parameters
    ----------
    split
        The images; their dtype is that of all arithmetic.
    distribution
        The noise; None for back propagation, whose estimator is the exact gradient.
    streams
        Draws the initial weights, the batches and the noise.
    noise_transform
        What is done to the distribution's draws before the estimator sees them.
    hidden, init_scale
        Units of the hidden layers, and the initial parameters' standard deviation.
    frozen
        Layers that are not trained, counted from 1 at the input; their gradient costs nothing.
    threads
        They change the time, never the result.
    diagnostics
        Whether every epoch's record says how near the estimator's feedback weights come to back
        propagation, on the first training images (`noise_exp.training.diagnostics`). They change
        nothing else, and cost none of the budget.

    Attributes
    ----------
    network
        With an input for every pixel.
    objective
        The cost on the training images, of the network that is trained: without dead pixels.
    trained
        Its parameters as they are now, flat.
    kept
        Which parameters of `network` these are, bool (n_parameters,).

    Raises
    ------
    ValueError
        If a value is outside its domain, or parts do not fit; it begins with the parameter's name.
    """

    def __init__(
        self,
        split: Split,
        distribution: DistributionLike | None,
        streams: Streams,
        *,
        estimator: Estimator | None = None,
        optimizer: Optimizer | None = None,
        noise_transform: NoiseTransform = NoiseTransform.none,
        hidden: Sequence[int] = article.HIDDEN,
        init_scale: float = article.INIT_SCALE,
        frozen: Sequence[int] = (),
        cost: Cost | None = None,
        schedule: Schedule | None = None,
        threads: int = 1,
        diagnostics: bool = False,
    ) -> None:
        self.split, self.distribution = split, distribution
        self.estimator = (estimator or CostScaled()) if distribution else ExactGradient()
        self.optimizer = optimizer or Vanilla()
        self._streams, self._noise_transform = streams, noise_transform
        self._schedule = schedule or Schedule(article.EPOCHS)
        self._workers, self._cost = Workers(threads), cost or SquaredError()
        self._last_step: object = None  # of which training
        self.network = _network(split, hidden, frozen)
        self.estimator.check(self.network)
        if not np.isfinite(init_scale):
            raise ValueError(f"init_scale must be finite, got {init_scale}")
        if distribution:
            check(distribution, self.network.dtype)
        self._initial = streams.initial_parameters(self.network, init_scale)
        inputs = np.ones(self.network.sizes[0], bool)
        if streams.spare_dead_pixels:
            inputs = live_pixels(split)
        self.kept = self.network.parameters_of_inputs(inputs)
        self.trained = self._initial[self.kept]
        network = Network((int(inputs.sum()), *self.network.sizes[1:]), self.network.dtype)
        self._frozen = [network.layer_slices()[layer - 1] for layer in set(frozen)]
        self.objective = Objective(
            network, split.train_images, split.train_labels, self._workers, self._cost, inputs,
            [layer - 1 for layer in frozen],
        )  # fmt: skip
        self._diagnose = self._diagnosing(inputs) if diagnostics else None

    @property
    def parameters(self) -> np.ndarray:
        """Those of `network` as they are now, a copy: shape (n_parameters,)."""
        whole = self._initial.copy()
        whole[self.kept] = self.trained
        return whole

    def noise(self) -> Noise:
        """Return a source of this trial's noise, from its start; none of training's is used up."""
        if self.distribution is None:
            return _Silence()
        network = self.objective.network
        return self._streams.noise(self.distribution, network, self._workers, self._noise_transform)

    @cached_property
    def _noise(self) -> Noise:
        """What training draws from, each call of `train` where the one before has left it."""
        return self.noise()

    def train(self) -> Iterator[EpochRecord]:
        """Train on from where parameters and streams are; yield a record after every epoch.

        Schedule, estimator and optimizer begin anew. What is measured by `objective` or `test`
        between the epochs counts for nothing and changes nothing.
        """
        objective, me = self.objective.fresh(), object()
        for record in train(
            objective,
            self.estimator,
            self.optimizer,
            self._noise,
            self.trained,
            self._schedule,
            self._streams,
            self._frozen,
            self._diagnose,
        ):
            self._last_step = me
            yield record
            if self._last_step is not me:  # another training has moved the parameters
                objective.known = None

    def _diagnosing(self, inputs: np.ndarray) -> Callable[[Any, np.ndarray], Mapping[str, float]]:
        probe = Objective(
            self.objective.network,
            self.split.train_images[:PROBE_IMAGES],
            self.split.train_labels[:PROBE_IMAGES],
            self._workers,
            self._cost,
            inputs,
        )
        deep = probe.network.layers > 1
        if not (deep and isinstance(begun(self.estimator, probe), FeedbackWeights)):
            what = type(self.estimator).__name__ if deep else "a network without hidden layers"
            raise ValueError(f"diagnostics must be false: {what} has no feedback weights")
        return partial(diagnose, probe)

    def test(self) -> Tested:
        """Measure the network as it is now on the images for test."""
        images, labels, parameters = self.split.test_images, self.split.test_labels, self.parameters
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network.outputs(parameters, images, self._workers)
            known = labels < self.split.classes
            if not known.all():
                images, labels = images[known], labels[known]
            cost = float("nan")
            if len(labels):
                measured = Objective(self.network, images, labels, self._workers, self._cost)
                cost = measured.evaluate(parameters).cost
        return Tested(outputs, misclassified(outputs, self.split.test_labels), cost)


class _Silence:
    """The noise of a method that needs none."""

    rng = np.random.default_rng(0)

    def fill(self, out: np.ndarray) -> None:
        """Fill `out` with zeros."""
        out.fill(0)


def _network(split: Split, hidden: Sequence[int], frozen: Sequence[int]) -> Network:
    if any(units < 1 for units in hidden):
        raise ValueError(f"hidden must hold numbers of at least 1, got {list(hidden)}")
    n_out = 1 if split.classes == 2 else split.classes
    network = Network((split.train_images.shape[1], *hidden, n_out), split.train_images.dtype)
    if not set(frozen) <= set(range(1, network.layers + 1)):
        raise ValueError(
            f"frozen must hold layers, 1 to {network.layers} from the input on, got {list(frozen)}"
        )
    return network
