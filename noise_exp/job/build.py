"""From a configuration to a trial, checked before anything is written."""

import re
from collections.abc import Container
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from platformdirs import user_cache_path

from noise_exp.errors import UserError
from noise_exp.job.config import CostName, Stream
from noise_exp.job.config_errors import words
from noise_exp.job.values import check, class_of, require_text, texts_of
from noise_exp.training.article import ArticleStream
from noise_exp.training.data import Data, Split
from noise_exp.training.loop import Schedule
from noise_exp.training.network import CrossEntropy, SquaredError
from noise_exp.training.noise import Distribution, DistributionLike
from noise_exp.training.streams import IndependentStreams, Streams
from noise_exp.training.trial import Trial

BUDGETS = ("epochs", "forward_passes", "train_seconds")
"""The keys that say how long to train."""
_COSTS: dict[CostName, type[SquaredError] | type[CrossEntropy]] = {
    CostName.squared_error: SquaredError,
    CostName.cross_entropy: CrossEntropy,
}


def build(cfg: DictConfig, threads: int = 1) -> Trial:
    """Return the trial that a composed configuration (`noise_exp.job.config.Config`) describes.

    Raises
    ------
    UserError
        If a value is missing or outside its domain, parts do not fit, or the images cannot be
        read.
    """
    check(cfg)
    schedule = _schedule(cfg)
    distribution = _distribution(cfg.dist)
    optimizer = _part("optimizer", _options(cfg.optimizer))
    estimator = _part("estimator", _options(cfg.estimator)) if distribution else None
    source: Data = _part("data", _options(cfg.data))
    streams = _streams(cfg)
    split = _split(source, streams, cfg)
    try:
        return Trial(
            split,
            distribution,
            streams,
            estimator=estimator,
            optimizer=optimizer,
            noise_transform=cfg.noise_transform,
            hidden=list(cfg.network.hidden),
            init_scale=cfg.network.init_scale,
            frozen=list(cfg.network.frozen),
            cost=_COSTS[cfg.cost](),
            schedule=schedule,
            threads=threads,
            diagnostics=cfg.diagnostics,
        )
    except ValueError as error:
        if _key(error) in cfg:
            raise UserError(str(error)) from None
        owners = {"distribution": "dist", **dict.fromkeys(cfg.network, "network")}
        group = owners.get(_key(error), "estimator")
        raise UserError(_named(group, cfg[group], error)) from None


def _schedule(cfg: DictConfig) -> Schedule:
    try:
        schedule = Schedule(cfg.epochs, cfg.forward_passes, cfg.batch_size, cfg.train_seconds)
    except ValueError as error:
        key = {"seconds": "train_seconds"}.get(_key(error), _key(error))
        raise UserError(f"{key}{str(error).removeprefix(_key(error))}") from None
    if cfg.threads is not None and cfg.threads < 1:
        raise UserError(f"threads must be at least 1, got {cfg.threads}")
    if all(cfg[key] is None for key in BUDGETS):
        raise UserError(f"{', '.join(BUDGETS)} are all null; give one of them a number")
    return schedule


def _distribution(node: DictConfig) -> DistributionLike | None:
    options = _options(node)
    if "_target_" in node:
        return _part("dist", options)
    name = options.pop("sampler", "")
    if "law" in options:
        raise UserError("dist.law: it is dist.sampler now; write sampler: NAME")
    if name is None:
        return None
    try:
        return Distribution(name, **options)
    except ValueError as error:
        raise UserError(_named("dist", node, error)) from None


def _part(group: str, options: dict[str, Any]) -> Any:
    """Make the dataclass that `_target_` names; its annotations are the schema of its keys."""
    target = options.pop("_target_", None)
    if not isinstance(target, str):
        raise UserError(f"{group} names no class; write _target_: module.Class into its file")
    try:
        cls = class_of(target)
    except ValueError as error:
        raise UserError(f"{group}: {error}") from None
    require_text(options, texts_of(cls), group)
    try:
        part = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), options))
    except SystemExit as error:
        raise UserError(f"{group}: {target} ended the program (exit code {error.code})") from None
    except OmegaConfBaseException as error:
        raise UserError(f"{group}: {words(error)}") from None
    except (ImportError, ValueError) as error:
        raise UserError(_named(group, options, error)) from None
    if group in ("estimator", "optimizer") and hasattr(part, "begin"):
        raise UserError(f"{group}: {target}.begin is called init now: rename it")
    return part


def _options(node: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]


def _split(source: Data, streams: Streams, cfg: DictConfig) -> Split:
    try:
        return source.split(streams.permutation, np.dtype(cfg.dtype.value))
    except (OSError, ValueError) as error:
        raise UserError(_named("data", cfg.data, error)) from None


def _key(error: Exception) -> str:
    """Return the first word of a part's message, which is a parameter's name where it has one."""
    first = re.match(r"\w*", str(error))
    return first.group() if first else ""


def _named(group: str, node: Container[Any], error: Exception) -> str:
    """Turn a part's message about a parameter into one about its key."""
    return f"{group}.{error}" if _key(error) in node else f"{group}: {error}"


def _streams(cfg: DictConfig) -> Streams:
    if cfg.stream == Stream.independent:
        try:
            return IndependentStreams(**cfg.seeds)
        except ValueError as error:
            raise UserError(f"seed: {error}") from None
    if "_target_" in cfg.dist:
        raise UserError(
            f"stream=article draws by NumPy's legacy samplers, and {cfg.dist._target_} is none; "
            "use stream=independent"
        )
    if len(set(cfg.seeds.values())) > 1:
        raise UserError(
            "stream=article draws everything from one generator and takes one seed, got "
            f"{dict(cfg.seeds)}; use seeds=all"
        )
    if cfg.epochs is None:
        raise UserError(
            "stream=article needs epochs: they decide how much noise the methods before this one "
            "draw; give them a number, beside forward_passes if you like"
        )
    cache = user_cache_path("noise_exp", appauthor=False)
    try:
        return ArticleStream(cfg.seeds.init, cfg.epochs, cache)
    except ValueError as error:
        raise UserError(f"seed: {error}") from None
