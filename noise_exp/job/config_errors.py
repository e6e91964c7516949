"""What Hydra, OmegaConf and PyYAML raise, as one line about the configuration."""

import re
import traceback

import yaml
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigSource
from omegaconf.errors import OmegaConfBaseException

_OURS = HydraException, OmegaConfBaseException, yaml.YAMLError
_INSTEAD = {
    "dist/[^']*": "NumPy's other samplers are dist=more/NAME, see --help",
    "experiment/ladder": "it is experiment=feedback now",
    "experiment/ladder_search": "it is experiment=feedback_search now",
    "rung": "it is preset now: write preset=...",
    "dist.law": "it is dist.sampler now: write dist.sampler=...",
    "estimator.repair": "it is noise_transform now: write noise_transform=...",
    "tracking.figure": "runs keep no cost.png any more, as MLflow draws cost; leave it out",
}


def explained(error: BaseException) -> str | None:
    """Say what is wrong with the configuration; None where an error is none of its own."""
    file = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        source, name = (frame.f_locals.get(key) for key in ("self", "config_path"))
        if isinstance(source, ConfigSource) and name:
            file = f"{source.path}/{name}"
    if not file and not isinstance(error, _OURS):
        return None
    said, cause = words(error), error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        said = f"{said.rstrip('.')}: {words(cause)}"
    instead = [text for key, text in _INSTEAD.items() if re.search(rf"'/?{key}'", said)]
    return "; ".join([said if file in said else f"{file}: {said}", *instead])


def words(error: BaseException) -> str:
    """Return what an error says in one line, without OmegaConf's types and Hydra's advice.

    A key that is appended as Hydra advises is one that nothing reads.
    """
    advice = r"\n\s*(?:reference_type=|object_type=|See https|To append|Config search path:)"
    return " ".join(re.split(advice, str(error))[0].split())
