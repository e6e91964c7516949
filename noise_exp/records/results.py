"""What a run ends with, kept as a file in its output folder."""

import contextlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FILE = "result.json"


@dataclass(frozen=True)
class Result:
    """What one job of a sweep ended with; `error` is set where it failed.

    Attributes
    ----------
    job
        Its number in the sweep.
    overrides
        What the command line or the sweep set, as "key=value".
    dist, letter
        The noise law's option and the article's letter for it.
    costs
        Cost per epoch; None where it is not finite.
    test_errors, test_size, test_cost
        Misclassified and all test images, and the cost on them.
    validation
        Whether a part of the training images stood in for those for test.
    train_seconds, forward_passes
        Spent in training.
    run_id
        In MLflow, where the run is tracked.
    reused
        Whether the run is an earlier sweep's, found finished.
    sweep
        The sweep's uid; empty for a run alone.
    """

    job: int
    overrides: list[str]
    dist: str
    letter: str | None
    costs: list[float | None] = field(default_factory=list)
    test_errors: int = 0
    test_size: int = 0
    test_cost: float = math.nan
    validation: bool = False
    train_seconds: float = 0.0
    forward_passes: float = 0.0
    diverged: bool = False
    run_id: str | None = None
    reused: bool = False
    sweep: str = ""
    error: str | None = None

    @property
    def final_cost(self) -> float:
        """Cost of the last epoch; not a number where the run diverged or failed."""
        last = self.costs[-1] if self.costs else None
        return math.nan if last is None else last

    @property
    def score(self) -> float:
        """What Hydra's sweepers make small: the validation's cost, else the last training cost.

        Infinite where that is no finite number: sweepers take infinity for bad, and would stop at
        what is not a number.
        """
        score = self.test_cost if self.validation else self.final_cost
        return score if math.isfinite(score) and self.error is None else math.inf

    def save(self, folder: Path) -> None:
        """Write to `folder` as JSON: whole, or not at all."""
        part = folder / f"{_FILE}.part"
        part.write_text(json.dumps(asdict(self)))
        part.replace(folder / _FILE)


def load_results(folder: Path, sweep: str) -> list[Result]:
    """Read the results of all jobs of a sweep in its folder, in the order of their numbers."""
    found = []
    for path in folder.glob(f"**/{_FILE}"):
        with contextlib.suppress(OSError, ValueError, TypeError):  # of an earlier version, or torn
            found.append(Result(**json.loads(path.read_text())))
    return sorted((r for r in found if r.sweep == sweep), key=lambda result: result.job)
