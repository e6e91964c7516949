"""Where output goes, checked before the start: nobody else's, and each job's its own."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.errors import UserError
from noise_exp.records import output
from noise_exp.records.journal import RECORDS
from noise_exp.sweep import plan
from noise_exp.tracking.places import refuse_store

_ROOM = 1 << 16  # bytes that must fit: Hydra's own files and a record
_NUMBERED = re.compile(r"hydra[.:]job\.(num|id)\b")


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
        If it cannot be written, is a store's, or holds one of the names or of Hydra's.
    """
    folder = Path(OmegaConf.select(config, key))
    refuse_store(folder, config.tracking.uri, key)
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
        If two would.
    """
    template = OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"]  # type: ignore[index,call-overload]
    if _NUMBERED.search(str(template)):
        return
    advice = "put ${hydra.job.num} into hydra.sweep.subdir"
    if planned.searched is not None:
        raise UserError(f"hydra.sweep.subdir={template} may give trials the same folder; {advice}")
    of_sweep = Path(config.hydra.sweep.dir).resolve()
    seen: dict[Path, str] = {of_sweep: "the sweep itself"}
    for job, (overrides, folder) in enumerate(_job_folders(config, planned.jobs or ())):
        name = f"job {job} ({' '.join(overrides)})"
        if folder in seen:
            raise UserError(
                f"hydra.sweep.subdir={template} gives {seen[folder]} and {name} the same folder; "
                f"{advice}"
            )
        seen[folder] = name


def _job_folders(config: DictConfig, jobs: Sequence[list[str]]) -> Iterator[tuple[list[str], Path]]:
    """Return each job's overrides and folder, as Hydra will resolve it; it composes each job."""
    hydra = HydraConfig.instance()
    before = hydra.cfg
    try:
        for overrides in jobs:
            composed = plan.compose(config, overrides)
            hydra.set_config(composed)  # for ${hydra:...}
            parts = [str(OmegaConf.select(composed, f"hydra.sweep.{k}")) for k in ("dir", "subdir")]
            yield overrides, Path(os.path.join(*parts)).resolve()
    except OmegaConfBaseException:
        return  # it holds what only the job's own process knows
    finally:
        hydra.cfg = before
