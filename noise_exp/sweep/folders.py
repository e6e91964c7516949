"""Where output goes, checked before the start: nobody else's, and each job's its own."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.errors import UserError
from noise_exp.records import output
from noise_exp.records.journal import RECORDS, Journal
from noise_exp.records.record import key_of
from noise_exp.sweep import plan
from noise_exp.tracking.places import refuse_store

_ROOM = 1 << 16  # bytes that must fit: Hydra's own files and a record
_LONGEST = 255  # bytes of a name, in the file systems that are common
_NUMBERED = re.compile(r"\$\{\s*hydra[.:]job\.(?:num|id)\s*\}")
_DIRNAME = re.compile(r"\$\{hydra[.:]job\.override_dirname\}")


def check_folder(config: DictConfig, key: str, names: Sequence[str] = ()) -> None:
    """Make a folder for output, and see that it is free for it and that there is room.

    Parameters
    ----------
    config
        Of the command.
    key
        Of the folder, hydra.run.dir or hydra.sweep.dir.
    names
        Of the files that will be written there for people.

    Raises
    ------
    UserError
        If it cannot be written, is a store's or within a living sweep's, or holds one of the names
        or of Hydra's.
    """
    folder = Path(OmegaConf.select(config, key))
    refuse_store(folder, config.tracking.uri, key)
    _refuse_living(folder, key)
    output.refuse_foreign(folder, names, key)
    if not (folder / RECORDS).is_dir():  # else an earlier run of ours left them
        output.refuse_foreign(folder, _of_hydra(config, key), key)
    try:
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        probe = folder / RECORDS / "writable"
        try:
            probe.write_bytes(bytes(_ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"the output folder {folder} cannot be written "
            f"({error.strerror}); set {key} to another folder"
        ) from None


def _refuse_living(folder: Path, key: str) -> None:
    """Refuse a folder within that of a sweep that is at work: its jobs' results lie there."""
    for around in folder.absolute().parents:
        if (around / RECORDS).is_dir():
            with contextlib.suppress(OSError, ValueError), Journal.claim(around) as journal:
                if journal is None:
                    raise UserError(
                        f"the output folder {folder} lies in {around}, which a run that is still "
                        f"alive uses; choose another {key}"
                    )


def _of_hydra(config: DictConfig, key: str) -> list[str]:
    """Return what Hydra writes to the folder, in the place of whatever is there."""
    if key == "hydra.sweep.dir":
        return ["multirun.yaml"]
    below = config.hydra.output_subdir
    return [f"{below}/{name}.yaml" for name in ("config", "hydra", "overrides")] if below else []


def check_jobs(config: DictConfig, planned: plan.Plan) -> None:
    """See that no two jobs of a sweep share a folder, nor one that of the sweep.

    Raises
    ------
    UserError
        If two would, or trials of a search, whose settings are not known yet, might; or if a
        folder's name would be too long.
    """
    template = _subdir(config)
    if _NUMBERED.search(template) and not (planned.jobs and _DIRNAME.search(template)):
        return  # each its own, by a short name
    advice = "put ${hydra.job.num} into it"
    if planned.jobs is None:
        raise UserError(
            f"hydra.sweep.subdir={template} may give several trials the same folder; {advice}"
        )
    seen = {Path(config.hydra.sweep.dir).resolve(): "the sweep itself"}
    jobs = planned.jobs
    for job, folder in enumerate(_job_folders(config, jobs)):
        name = f"job {job} ({' '.join(jobs[job])})"
        if folder in seen:
            raise UserError(
                f"hydra.sweep.subdir={template} gives {seen[folder]} and {name} the same folder; "
                f"{advice}"
            )
        seen[folder] = name
        longest = max(len(os.fsencode(part)) for part in folder.parts)
        if longest > _LONGEST:
            raise UserError(
                f"hydra.sweep.subdir={template} gives {name} a folder's name of {longest} bytes, "
                f"and a name may have {_LONGEST}; write ${{hydra.job.num}} instead"
            )


def _subdir(config: DictConfig) -> str:
    """Return hydra.sweep.subdir as it was written, before anything is put into it."""
    sweep: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    return str(sweep["subdir"])


def _job_folders(config: DictConfig, jobs: Sequence[list[str]]) -> Iterator[Path]:
    """Return each job's folder, as far as this process can know it."""
    template = _subdir(config)
    if "${" not in _NUMBERED.sub("", _DIRNAME.sub("", template)):
        for number, job in enumerate(jobs):
            # Split and joined, as a replacement's backslashes would mean something.
            numbered = str(number).join(_NUMBERED.split(template))
            subdir = _dirname(config, job).join(_DIRNAME.split(numbered))
            yield (Path(config.hydra.sweep.dir) / subdir).resolve()
        return
    hydra = HydraConfig.instance()
    before = hydra.cfg
    try:
        for job in jobs:
            composed = plan.compose(config, job)  # slow, but anything may stand in the template
            hydra.set_config(composed)  # for ${hydra:...}
            sweep = composed.hydra.sweep
            yield (Path(sweep.dir) / str(sweep.subdir)).resolve()
    except OmegaConfBaseException:
        return  # it holds what only the job's own process knows
    finally:
        hydra.cfg = before


def _dirname(config: DictConfig, job: Sequence[str]) -> str:
    """Return a job's hydra.job.override_dirname, without composing it."""
    options = config.hydra.job.config.override_dirname
    said = [o for o in job if key_of(o) not in options.exclude_keys]
    return options.item_sep.join(sorted(said)).replace("=", options.kv_sep)
