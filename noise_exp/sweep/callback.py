"""Hydra's events, handed on: a command is checked as a whole, and its sweep begun and ended."""

import atexit
import contextlib
import copy
import gc
import logging
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from noise_exp.errors import DryRun, UserError, at_the_edge, in_words
from noise_exp.job.config_errors import explained
from noise_exp.job.describe import SweepContext, as_given, check_choices, keep_text
from noise_exp.job.launchers import Submitted
from noise_exp.redaction import redacted
from noise_exp.runs import output, secrets
from noise_exp.runs.disk import RECORDS
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import key_of
from noise_exp.sweep import dry_run, ending, plan
from noise_exp.sweep.sweep import Sweep
from noise_exp.terminal import program
from noise_exp.tracking.places import refuse_store

# Read as Python or a library starts, or by what launches the jobs.
_AT_START = re.compile("MLFLOW_|HYDRA_|PYTHON|LD_|OMP_|OPENBLAS_|MKL_|NPY_|MPL")
_SPACE = 1 << 16  # bytes that must fit: Hydra's own files and a record
_MOST = 500  # configurations that are kept, some 0.1 MB each

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _edge(failure: str) -> Iterator[None]:
    """Exit by anything that is raised: Hydra would warn of it and go on without us."""
    with at_the_edge("noise_exp"):
        try:
            yield
        except (UserError, DryRun):
            raise
        except Exception as error:
            log.debug("%s", failure, exc_info=True)
            said = explained(error) or f"{failure}: {in_words(error)}"
            raise UserError(said) from error


class SweepCallback(Callback):
    """Runs in the launching process; Hydra makes one per command.

    Hydra turns exceptions of callbacks into warnings, so every one of them exits.
    """

    def __init__(self) -> None:
        self._sweep: Sweep | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the sweep behind: Hydra sends its callbacks to every job."""
        return {"_sweep": None}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Exit if the output folder is not free for output, or if this is a dry run."""
        with _edge("this run cannot start"):
            check_choices(config)
            _check(config)
            _hint_at_sweep(config)
            if config.dry_run:
                dry_run.tell(plan.single(config), plan.maker(config))
            hydra, below = config.hydra, config.hydra.output_subdir
            check_folder(
                Path(hydra.run.dir),
                "hydra.run.dir",
                config.tracking.uri,
                [f"{below}/{file}.yaml" for file in ("config", "hydra", "overrides") if below],
            )

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Begin the sweep."""
        with _edge("the sweep cannot start"):
            _check(config)
            hydra: Any = GlobalHydra.instance().hydra
            hydra.config_loader = Composer(hydra.config_loader)
            planned = plan.sweep(config)
            plan.check(config, planned)
            if few := dry_run.few_seeds(planned):
                log.info(few)
            if config.dry_run:
                dry_run.tell(planned, plan.maker(config))
            uri = planned.tracking.uri
            check_folder(planned.folder, "hydra.sweep.dir", uri, ["multirun.yaml"], output.SWEEP)
            launched = Submitted(config.hydra.launcher)
            self._sweep = Sweep.begin(planned, SweepContext.instance(), launched)
        gc.freeze()  # all that is imported: each job makes enough garbage to have it searched
        atexit.register(self._abandon)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ARG002
        """End the sweep; exit 1 if a job failed."""
        if self._sweep:
            with _edge("the sweep could not be ended"):
                self._sweep.end(ending.finish)

    def _abandon(self) -> None:
        if self._sweep and not self._sweep.journal.ended:
            self._sweep.abandon()


def _check(config: DictConfig) -> None:
    """See that a command can do what it asks for.

    What was typed for keys that take text is put in the place of a number that Hydra made of it.

    Raises
    ------
    UserError
        If it cannot.
    """
    secrets.check(OmegaConf.to_container(config))
    with read_write(config), read_write(config.hydra):
        for kind, given in config.hydra.overrides.items_ex(resolve=False):
            config.hydra.overrides[kind] = keep_text(config, as_given(given))
        _one_of_a_key(config)
    if config.hydra.job.chdir:
        raise UserError(
            "hydra.job.chdir must be false: tracking.uri, data.path and other relative paths "
            "are meant from the folder where you start; what a run writes lies in its own all "
            "the same"
        )
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if str(folder := OmegaConf.select(config, key)).startswith("~"):
            raise UserError(f"{key}={folder}: nothing replaces the ~ here; write {key}=$HOME/...")
    for name, value in config.hydra.job.env_set.items():
        if _AT_START.match(name) and os.environ.get(name) != value:
            raise UserError(
                f"hydra.job.env_set.{name} comes too late: {name} is read before a job begins; "
                f"set it in the environment, as in {name}=... python -m noise_exp"
            )


def _one_of_a_key(config: DictConfig) -> None:
    """Let the last count of what is set as key, +key or ++key, which are others to sweepers."""
    last = {key_of(given): given for given in as_given(config.hydra.overrides.task)}
    config.hydra.overrides.task = list(last.values())
    params = config.hydra.sweeper.get("params") or OmegaConf.create({})
    with open_dict(params):
        for key in list(params):
            if (given := last.get(key_of(key))) and given.partition("=")[0] != key:
                del params[key]


def _hint_at_sweep(config: DictConfig) -> None:
    """Say that a run alone leaves out what its configuration sweeps over."""
    given = {key_of(override) for override in config.hydra.overrides.task}
    if params := [key for key in config.hydra.sweeper.get("params") or () if key not in given]:
        log.warning(
            "This is one run: only -m sweeps over %s (hydra.sweeper.params), as in\n    %s",
            ", ".join(params),
            redacted(shlex.join([program("python"), "-m", "noise_exp", "-m", *sys.argv[1:]])),
        )


def check_folder(
    folder: Path, key: str, uri: str | None, of_hydra: Sequence[str], names: Sequence[str] = ()
) -> None:
    """Make a folder for output, and see that it is free for it and that there is space.

    Parameters
    ----------
    folder, key
        The folder, and what sets it: hydra.run.dir or hydra.sweep.dir.
    uri
        The configuration's store.
    of_hydra
        What Hydra writes there, in the place of whatever is there.
    names
        Of the files that will be written there for people.

    Raises
    ------
    UserError
        If it cannot be written, is a store's or within a living sweep's, or holds one of the names
        or of Hydra's.
    """
    refuse_store(folder, uri, key)
    for around in folder.absolute().parents:  # in that of a living sweep lie its results
        if (around / RECORDS).is_dir():
            with contextlib.suppress(OSError, ValueError), Journal.claim(around) as journal:
                if journal is None:
                    raise UserError(
                        f"the output folder {folder} lies in {around}, which a run that is still "
                        f"alive uses; choose another {key}"
                    )
    output.refuse_foreign(folder, names, key)
    if not (folder / RECORDS).is_dir():  # else an earlier run of ours left them
        output.refuse_foreign(folder, of_hydra, key)
    try:
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        probe = folder / RECORDS / "writable"
        try:
            probe.write_bytes(bytes(_SPACE))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"the output folder {folder} cannot be written "
            f"({error.strerror}); set {key} to another folder"
        ) from None


class Composer:
    """Hydra's loader of configurations, which remembers what it has composed for a sweep.

    Hydra composes each job from the files anew, before the sweep and again when the job starts,
    which takes longer than to train a small network. A seed or a learning rate chooses no file:
    where nothing but such numbers differs from a job before, they are set in a copy of its
    configuration. What cannot be set is left to Hydra, and its words.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __getattr__(self, name: str) -> Any:
        """Be Hydra's loader in all else."""
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[type["Composer"], tuple[ConfigLoader]]:
        """Leave what is composed behind, when a launcher sends this to a job."""
        return Composer, (self._loader,)

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: Sequence[str]
    ) -> DictConfig:
        """Return a job's configuration.

        Raises
        ------
        CompactHydraException
            If its overrides do not fit together.
        UserError
            If it holds a secret.
        """
        texts = list(sweep_overrides)
        overrides = OverridesParser.create().parse_overrides(texts)
        numbers = _numbers(overrides)
        kept = tuple(
            key if (key := o.key_or_group) in numbers else str(o.input_line) for o in overrides
        )
        composed = self._composed.get(kept)
        if composed is None:
            composed = self._loader.load_sweep_config(master_config, texts)
            secrets.check(OmegaConf.to_container(composed))  # before Hydra writes it into files
            if len(self._composed) < _MOST:
                self._composed[kept] = composed
        config = copy.deepcopy(composed)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)  # the time, as Hydra does
        try:
            for key, value in numbers.items():
                OmegaConf.update(config, key, value)
        except OmegaConfBaseException:
            return self._loader.load_sweep_config(master_config, texts)
        _note(config, [o for o in overrides if not o.is_hydra_override()])
        return config


def _numbers(overrides: Sequence[Override]) -> dict[str, Any]:
    """Return the numbers that may be set last, by their keys; none where the order may count."""
    keys = [override.key_or_group for override in overrides]
    whole = tuple(f"{o.key_or_group}." for o in overrides if isinstance(o.value(), dict | list))
    numbers = {o.key_or_group: o.value() for o in overrides if _sets_a_number(o)}
    if len(set(keys)) < len(keys) or any(key.startswith(whole) for key in numbers):
        return {}
    return numbers


def _sets_a_number(override: Override) -> bool:
    plain = override.type == OverrideType.CHANGE and override.package is None
    return plain and not override.is_hydra_override() and isinstance(override.value(), int | float)


def _note(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Note in a configuration what was set, as Hydra does."""
    config.hydra.overrides.task = [override.input_line for override in overrides]
    name, job = config.hydra.job.config.override_dirname, config.hydra.job
    left_out = list(name.exclude_keys)
    lines = sorted(str(o.input_line) for o in overrides if o.key_or_group not in left_out)
    job.override_dirname = name.item_sep.join(lines).replace("=", name.kv_sep)
