"""`python -m studies.benchmarks.store`: what a large store costs, as docs/sweeps.md shows it.

Fills a fresh SQLite store in a temporary folder with runs of 100 epochs, among them one sweep,
and measures on the way what a run costs to deliver; then reads the sweep back.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from noise_exp.report.build import build
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.sweep.summary import article_figures
from noise_exp.tracking import reading
from noise_exp.tracking.delivery import Delivery
from noise_exp.tracking.store import Store
from noise_exp.training.article import article_letter
from noise_exp.training.loop import EpochRecord
from noise_exp.training.noise import ARTICLE_DISTRIBUTIONS
from noise_exp.writing import markdown

EPOCHS = 100


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m studies.benchmarks.store", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="in the whole store")
    parser.add_argument("--sweep", type=int, default=420, help="of them in one sweep")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = _measure(Path(folder), arguments.runs, arguments.sweep)
    print(markdown(("what", "time"), rows), end="")


def _measure(folder: Path, runs: int, sweep: int) -> list[tuple[str, str]]:
    store = Store.open(f"sqlite:///{folder}/mlflow.db", "noise_training")
    owed = Owed(store.uri, store.experiment_id)
    parent = Journal.start(folder / "parent", Record("sweep", {"kind": "sweep"}), owed)
    Delivery(parent, store.client).send()
    parent_id = parent.record.run_id or ""
    seconds = np.empty(runs)
    for number in range(runs):
        seconds[number] = _deliver_run(folder / "run", store, number, parent_id, number < sweep)
    step = max(runs // 20, 1)
    rows = [
        (
            f"to deliver a run of {EPOCHS} epochs to a store of {size:,} runs",
            f"{1000 * np.median(seconds[max(size - step, 0) : max(size, step)]):.0f} ms",
        )
        for size in (0, runs // 4, runs // 2, runs)
    ]
    done, index = _timed(lambda: reading.finished(store, "0"))
    children, read = _timed(lambda: reading.read(store, reading.children(store, parent_id)))
    pictures, making = _timed(lambda: _compare(children))
    if (len(done), len(children), pictures) != (runs, sweep, 3):
        raise RuntimeError("the store does not hold what was sent")
    return [
        *rows,
        (
            f"resume=true: to find the finished among {runs:,} runs, once per sweep",
            f"{index:.2f} s",
        ),
        (f"to read a sweep of {sweep} runs with all its cost curves", f"{read:.2f} s"),
        ("to make its comparison and figures", f"{making:.2f} s"),
    ]


def _compare(children: Sequence[Record]) -> int:
    """Make the table of methods and the article's figures; return how many figures there are."""
    report = build(children)
    if report.methods.empty:
        return 0
    return len([make() for make in article_figures(report).values()])


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _deliver_run(folder: Path, store: Store, number: int, parent_id: str, in_sweep: bool) -> float:
    """Write the journal of a made-up run, and return the seconds that its delivery takes."""
    distributions = [*ARTICLE_DISTRIBUTIONS, None]
    distribution = distributions[number % len(distributions)]
    dist, seed = distribution or "backprop", number // len(distributions)
    tags = {
        "kind": "run",
        "job": str(number),
        "overrides": f"dist={dist} seed={seed}",
        "fingerprint": f"{number:016x}",
        "source_digest": "0",
        "article_letter": article_letter(distribution) or "",
    }
    params = {"dist": dist, "seed": str(seed), "epochs": str(EPOCHS), "test_images": "20"}
    params |= {f"key.{i}": str(i) for i in range(22)}  # as many as a real run has
    parent = parent_id if in_sweep else None
    record = Record(f"{dist} seed={seed}", tags, params, parent_id=parent)
    journal = Journal.start(folder, record, Owed(store.uri, store.experiment_id))
    costs = np.random.default_rng(number).random(EPOCHS)
    for epoch, cost in enumerate(costs):
        done = epoch + 1
        journal.log_epoch(
            EpochRecord(epoch, float(cost), float(cost), 0.01 * done, done, done / EPOCHS)
        )
    journal.update(metrics={"test_errors": number % 20, "train_seconds": 1.0})
    journal.end("FINISHED")
    _, seconds = _timed(lambda: Delivery(journal, store.client).send())
    journal.release()
    return seconds


if __name__ == "__main__":
    main()
