"""What a finished run leaves: trained network and predictions."""

import io
from collections.abc import Iterator

from omegaconf import DictConfig

from noise_exp.records.journal import Journal
from noise_exp.tracking import model
from noise_exp.training.network import predicted
from noise_exp.training.trained import Trained
from noise_exp.training.trial import Tested, Trial


def keep(journal: Journal, trial: Trial, tested: Tested, tracking: DictConfig) -> None:
    """Keep a run's files for the store: those that the configuration `tracking` asks for."""
    lines = "".join(f"{line}\n" for line in _predictions(trial, tested))
    files = {"predictions.csv": lines.encode()}
    journal.log_artifacts(files | (_model(trial) if tracking.model else {}))


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
