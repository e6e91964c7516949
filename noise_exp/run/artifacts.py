"""What a finished run leaves: cost curve, trained network and predictions."""

import io
import logging
from collections.abc import Iterator

from omegaconf import DictConfig

from noise_exp.errors import in_words
from noise_exp.records.journal import Journal
from noise_exp.records.record import Record
from noise_exp.tracking import model
from noise_exp.training.network import predicted
from noise_exp.training.trained import Trained
from noise_exp.training.trial import Tested, Trial

log = logging.getLogger(__name__)


def keep(
    journal: Journal, trial: Trial, tested: Tested, record: Record, tracking: DictConfig
) -> None:
    """Keep a run's files for the store: those that the configuration `tracking` asks for."""
    files = {}
    if tracking.figure and (picture := _picture(record)):
        files["cost.png"] = picture
    if tracking.model:
        files |= _model(trial)
    lines = "".join(f"{line}\n" for line in _predictions(trial, tested))
    journal.log_artifacts(files | {"predictions.csv": lines.encode()})


def _model(trial: Trial) -> dict[str, bytes]:
    trained, content = Trained.of(trial), io.BytesIO()
    trained.save(content)
    files = model.description(trained)
    files[model.WEIGHTS] = content.getvalue()
    return {f"{model.FOLDER}/{name}": file for name, file in files.items()}


def _picture(record: Record) -> bytes | None:
    """Draw the cost curve; a picture that cannot be made is no reason to lose a run."""
    content = io.BytesIO()
    try:
        from noise_exp.figures.comparison import cost_curve  # matplotlib

        cost_curve(record.curves["cost"], f"{record.dist}: cost per epoch").savefig(
            content, format="png", pil_kwargs={"compress_level": 1}
        )
    except Exception as error:
        log.warning("The cost curve could not be drawn (%s)", in_words(error))
        return None
    return content.getvalue()


def _predictions(trial: Trial, tested: Tested) -> Iterator[str]:
    yield "image,label,predicted,output,wrong"
    split = trial.split
    for index, label, outputs, wrong in zip(
        split.test_indices, split.test_labels, tested.outputs, tested.wrong, strict=True
    ):
        guess = int(predicted(outputs[None])[0])
        shown = outputs[0] if len(outputs) == 1 else outputs[guess]
        yield f"{index},{label},{guess},{float(shown)!r},{bool(wrong)}"
