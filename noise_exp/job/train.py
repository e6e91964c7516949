"""A trial trained and tested, logged as it goes, and what it leaves: curves, network, guesses."""

import io
import logging
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

from rich.console import Console
from rich.progress import Progress

from noise_exp.job.describe import Job
from noise_exp.redaction import redacted
from noise_exp.runs.disk import decoded
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.tracking import model
from noise_exp.training import baselines, data
from noise_exp.training.loop import EpochRecord
from noise_exp.training.network import predicted
from noise_exp.training.trained import Trained
from noise_exp.training.trial import Tested, Trial

_SHOWN = 12  # names of classes in a line
_LINES_PER_RUN = 5
_SECONDS_PER_LINE = 5.0

log = logging.getLogger(__name__)


def train(job: Job, trial: Trial, journal: Journal) -> Record:
    """Train and test, and record both, and the configuration as it is kept."""
    if journal.owed:
        journal.log_artifacts({"config.yaml": decoded(redacted(job.text)).encode()})
    total = job.sweep.total
    _say_images(job, trial, journal.record.part)
    place = f"{job.number + 1}/{total} " if job.in_sweep and total else ""
    label = place + journal.record.name
    alone = job.launcher.serial and sys.stderr.isatty()  # else no bar: others write there too
    # A run of many says nothing unless it takes long: the sweep tells how far it is.
    often = 1 if job.in_sweep else _LINES_PER_RUN
    for epoch in _bar(trial.train(), label) if alone else _lines(trial.train(), label, often):
        journal.log_epoch(epoch)
    tested, part = trial.test(), journal.record.part
    metrics = {f"{part}_errors": tested.errors, f"{part}_error_rate": tested.error_rate}
    if math.isfinite(tested.cost):
        metrics[f"{part}_cost"] = tested.cost
    if not trial.split.validation:
        metrics |= baselines.errors(trial.split)
    curves = journal.read().curves
    diverged = not all(map(math.isfinite, curves["cost"]))
    journal.update(metrics=metrics, tags={"diverged": str(diverged).lower()})
    record = replace(journal.record, status="FINISHED", curves=curves)
    if journal.owed:
        lines = "".join(f"{line}\n" for line in _predictions(trial, tested))
        files = {"predictions.csv": lines.encode()}
        journal.log_artifacts(files | (_model(trial) if job.tracking.model else {}))
    return record


def _say_images(job: Job, trial: Trial, part: str) -> None:
    """Say what images of the user's own there are, and warn of a scale that hides them."""
    split, (low, high) = trial.split, trial.split.pixel_range
    if not str(job.config["data"]["_target_"]).startswith(f"{data.__name__}."):
        classes = [str(c) for c in split.names or split.digits or range(split.classes)]
        shown = ", ".join(classes[:_SHOWN] + ["..."] * (len(classes) > _SHOWN))
        strange = int((split.test_labels >= split.classes).sum())
        wrong = f", {strange} of them of classes that training lacks (counted as wrong)"
        log.info(
            f"{split.source}: {len(split.train_labels)} images for training, "
            f"{len(split.test_labels)} for {part}{wrong if strange else ''}; "
            f"{len(classes)} classes ({shown}); pixels {low:g} to {high:g}"
        )
    reach, divisor = max(abs(low), abs(high)), split.pixel_divisor
    if divisor > 1 and 0 < reach <= divisor / 10:
        log.warning(
            f"data.pixel_divisor={divisor:g} makes pixels of {low:g} to {high:g} too faint: the "
            f"network sees {reach / divisor:.2g} at most; "
            f"write data.pixel_divisor={max(1, reach):g}"
        )


def say(record: Record) -> None:
    """Say what a run came to."""
    costs = record.curves["cost"]
    log.info(
        "%s: %.0f of %.0f %s images wrong, cost %.4f -> %.4f in %.1f s%s",
        f"{record.dist} ({record.letter})" if record.letter else record.dist,
        record.errors,
        record.images,
        record.part,
        costs[0],
        costs[-1],
        record.seconds,
        ", diverged" if record.diverged else "",
    )


def _model(trial: Trial) -> dict[str, bytes]:
    trained, content = Trained.of(trial), io.BytesIO()
    trained.save(content)
    files = model.description(trained)
    files[model.WEIGHTS] = content.getvalue()
    return {f"{model.FOLDER}/{name}": file for name, file in files.items()}


def _predictions(trial: Trial, tested: Tested) -> Iterator[str]:
    yield "image,label,predicted,output,wrong"
    split = trial.split
    for index, label, outputs, wrong in zip(
        split.test_indices, split.test_labels, tested.outputs, tested.wrong, strict=True
    ):
        guess = int(predicted(outputs[None])[0])
        shown = outputs[0] if len(outputs) == 1 else outputs[guess]
        yield f"{index},{label},{guess},{float(shown)!r},{bool(wrong)}"


def _bar(records: Iterator[EpochRecord], label: str) -> Iterator[EpochRecord]:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        for record in records:
            yield record
            said = f"{label} cost {record.cost:.4f}"
            bar.update(task, completed=record.progress, description=said)


def _lines(records: Iterator[EpochRecord], label: str, lines: int) -> Iterator[EpochRecord]:
    shown = 0.0
    start = last = perf_counter()
    for record in records:
        yield record
        done, now = record.progress, perf_counter()
        if done < 1 and (done - shown >= 1 / lines - 1e-9 or now - last > _SECONDS_PER_LINE):
            left = (now - start) / done * (1 - done)
            shown, last = done, now
            print(
                f"{label}: epoch {record.epoch + 1}, {done:.0%}, cost {record.cost:.4f}, "
                f"{left:.1f} s left",
                file=sys.stderr,
                flush=True,
            )
