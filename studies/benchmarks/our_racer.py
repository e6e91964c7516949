"""noise_exp in the race to 99%."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noise_exp.training import Adam, CostScaled, HillClimb, LearnedFeedback, NodePerturbation
from noise_exp.training.estimators import Estimator
from noise_exp.training.loop import Schedule
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Evaluation
from noise_exp.training.optimizers import Moment, Optimizer, Stepping
from studies.benchmarks.race import Racer, Watch, course


def prepare(settings: Mapping[str, Any], seed: int, threads: int) -> Racer:
    """Return a racer; `settings` are keys of the estimator and the optimizer, and batch."""
    estimator, repair, optimizer = _parts(settings)

    def racer(watch: Watch) -> None:
        trial = course(
            seed,
            threads,
            estimator=estimator,
            repair=repair,
            optimizer=_Watched(optimizer, lambda: watch.look(errors)),
            schedule=Schedule(batch_size=settings["batch"]),
        )

        def errors() -> int:
            return trial.test().errors

        errors()  # starts the trial's threads
        records = trial.train()
        watch.start()
        for _ in records:
            pass

    return racer


@dataclass(frozen=True)
class _Watched:
    """An optimizer with a look after every step."""

    inner: Optimizer
    look: Callable[[], None]

    def begin(self, parameters: np.ndarray) -> Stepping:
        return _WatchedSteps(self.inner.begin(parameters), self.look)


@dataclass(frozen=True)
class _WatchedSteps:
    inner: Stepping
    look: Callable[[], None]

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, moment: Moment
    ) -> Evaluation | None:
        known = self.inner.step(parameters, direction, moment)
        self.look()
        return known


def _parts(settings: Mapping[str, Any]) -> tuple[Estimator, Repair, Optimizer]:
    scale = settings["scale"]
    if settings["estimator"] == "cost_scaled":
        climb = HillClimb(scale, settings["adaptation"])
        return CostScaled([1.0, 1.0, 1.0]), Repair.none, climb
    adam = Adam(settings["lr"], beta1=0.9, beta2=0.999, decay=False)
    if settings["estimator"] == "node_perturbation":
        return NodePerturbation(scale), Repair.none, adam
    return LearnedFeedback(scale, settings["rate"]), Repair.sign, adam
