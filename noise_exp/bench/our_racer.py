"""noise_exp in the race to 99%, put together as `noise_exp.run.experiment` does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from noise_exp.bench.race import Course, Racer, Watch
from noise_exp.training import optimizers
from noise_exp.training.costs import CrossEntropy
from noise_exp.training.estimators import CostScaled, Estimator, LearnedFeedback, NodePerturbation
from noise_exp.training.loop import Schedule, train
from noise_exp.training.network import misclassified
from noise_exp.training.noise import Law, Repair
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.workers import Workers


def prepare(course: Course, settings: Mapping[str, Any], seed: int, threads: int) -> Racer:
    """Return a racer; `settings` are keys of the estimator and the optimizer, and batch."""
    workers, split, network = Workers(threads), course.split, course.network

    def racer(watch: Watch) -> None:
        parameters = course.parameters.copy()
        estimator, optimizer = _parts(settings)
        objective = Objective(
            network, split.train_images, split.train_labels, workers, CrossEntropy()
        )
        streams = IndependentStreams(seed, seed, seed)
        noise = streams.noise(Law("normal", loc=0.0, scale=1.0), network, workers)

        def errors() -> int:
            outputs = network.outputs(parameters, split.test_images, workers)
            return int(misclassified(outputs, split.test_labels).sum())

        watched = _Watched(optimizer, lambda: watch.look(errors))
        schedule = Schedule(batch_size=settings["batch"])
        watch.start()
        for _ in train(objective, estimator, watched, noise, parameters, schedule, streams):
            pass

    return racer


class _Watched:
    """An optimizer with a look at the test images after every step."""

    def __init__(self, inner: optimizers.Optimizer, look: Any) -> None:
        self._inner = inner
        self._look = look

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, moment: optimizers.Moment
    ) -> Evaluation | None:
        known = self._inner.step(parameters, direction, moment)
        self._look()
        return known


def _parts(settings: Mapping[str, Any]) -> tuple[Estimator, optimizers.Optimizer]:
    scale = settings["scale"]
    if settings["estimator"] == "cost_scaled":
        climb = optimizers.HillClimb(scale, settings["adaptation"])
        return CostScaled([1.0, 1.0, 1.0], Repair.none), climb
    adam = optimizers.Adam(settings["lr"], beta1=0.9, beta2=0.999, decay=False)
    if settings["estimator"] == "node_perturbation":
        return NodePerturbation(scale, Repair.none), adam
    return LearnedFeedback(scale, settings["rate"], Repair.sign), adam
