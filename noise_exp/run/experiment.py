"""From a configuration to the parts of one run, checked before anything is written."""

import hashlib
import inspect
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from platformdirs import user_cache_path

from noise_exp.errors import UserError
from noise_exp.run.config import CostName, Stream
from noise_exp.training import (
    article_stream,
    costs,
    data,
    estimators,
    network,
    noise,
    objective,
    optimizers,
    streams,
    workers,
)
from noise_exp.training import loop as training

_COSTS: dict[CostName, type[costs.SquaredError] | type[costs.CrossEntropy]] = {
    CostName.squared_error: costs.SquaredError,
    CostName.cross_entropy: costs.CrossEntropy,
}


@dataclass(frozen=True)
class Test:
    """A trained network on the test images.

    Attributes
    ----------
    outputs
        In 0..1, shape (images, outputs).
    wrong
        Which images are misclassified, shape (images,).
    cost
        Their cost, a mean over images.
    """

    outputs: np.ndarray
    wrong: np.ndarray
    cost: float

    @property
    def errors(self) -> int:
        """Test images misclassified."""
        return int(np.sum(self.wrong))

    @property
    def error_rate(self) -> float:
        """Share of the test images misclassified, 0 to 1."""
        return float(np.mean(self.wrong))


class Experiment:
    """One run, ready to train.

    Parameters
    ----------
    cfg
        The composed configuration (`noise_exp.run.config.Config`).
    threads
        How many threads its arithmetic may use; they change the time, never the result.

    Raises
    ------
    UserError
        If a value is outside its domain, parts do not fit, or the images cannot be read.
    """

    def __init__(self, cfg: DictConfig, threads: int = 1) -> None:
        self._workers = workers.Workers(threads)
        for key in ("epochs", "threads", "batch_size", "forward_passes"):
            value = cfg[key]
            if value is not None and not value >= 1:
                raise UserError(f"{key} must be at least 1, got {value}")
            if value is not None and math.isinf(value):
                raise UserError(f"{key} must be finite, got {value}; null stands for no limit")
        if cfg.epochs is None and cfg.forward_passes is None:
            raise UserError("epochs and forward_passes are both null; give one of them a number")
        self.cost: costs.Cost = _COSTS[cfg.cost]()
        self.law = _law(cfg.dist)
        self.optimizer: optimizers.Optimizer = _build("optimizer", cfg.optimizer)
        self.estimator: estimators.Estimator = estimators.ExactGradient()
        if self.law:
            self.estimator = _build("estimator", cfg.estimator)
        source: data.Data = _build("data", cfg.data)
        self._parts = (self.optimizer, self.estimator, source)
        self._streams = _streams(cfg)
        dtype = np.dtype(cfg.dtype.value)
        try:
            self.split = source.split(self._streams.permutation, dtype)
        except (OSError, ValueError) as error:
            raise UserError(_named("data", cfg.data, error)) from None
        hidden, init_scale = cfg.network.hidden, cfg.network.init_scale
        if any(units < 1 for units in hidden) or not np.isfinite(init_scale):
            raise UserError(
                "network.hidden must hold numbers of at least 1 and network.init_scale be "
                f"finite, got {list(hidden)} and {init_scale}"
            )
        n_out = 1 if self.split.classes == 2 else self.split.classes
        sizes = (self.split.train_images.shape[1], *hidden, n_out)
        self.network = network.Network(sizes, dtype)
        try:
            self.estimator.check(self.network)
        except ValueError as error:
            raise UserError(_named("estimator", cfg.estimator, error)) from None
        frozen = set(cfg.network.frozen)
        if not frozen <= set(range(1, self.network.layers + 1)):
            raise UserError(
                f"network.frozen must hold layers, 1 to {self.network.layers} from the input on, "
                f"got {list(cfg.network.frozen)}"
            )
        self._frozen = [layer - 1 for layer in frozen]
        self._budget = (cfg.epochs, cfg.forward_passes, cfg.batch_size)
        self.parameters = self._streams.initial_parameters(self.network, init_scale)
        self.letter = noise.article_letter(self.law.name if self.law else None)
        self.fingerprint = self._fingerprint(cfg)

    def train(self) -> Iterator[training.EpochRecord]:
        """Train; yield a record after every epoch. `parameters` are up to date at the end."""
        inputs = np.ones(self.network.sizes[0], bool)
        if isinstance(self._streams, streams.IndependentStreams):
            # A weight on a pixel that is dead in every image changes no output: it keeps its
            # initial value. The article's stream spends noise on it, so there it has to move.
            inputs = data.live_pixels(self.split)
        trained = network.Network((int(inputs.sum()), *self.network.sizes[1:]), self.network.dtype)
        kept = self.network.parameters_of_inputs(inputs)
        parameters = self.parameters[kept]
        source: estimators.Noise = estimators.Silence()
        if self.law:
            source = self._streams.noise(self.law, trained, self._workers, self.estimator.repair)
        measured = objective.Objective(
            trained,
            self.split.train_images[:, inputs],
            self.split.train_labels,
            self._workers,
            self.cost,
        )
        layers = trained.layer_slices()
        schedule = training.Schedule(*self._budget, [layers[layer] for layer in self._frozen])
        try:
            yield from training.train(
                measured,
                self.estimator,
                self.optimizer,
                source,
                parameters,
                schedule,
                self._streams,
            )
        finally:
            self.parameters[kept] = parameters

    def test(self) -> Test:
        """Measure the parameters as they are now on the images for test."""
        images, labels = self.split.test_images, self.split.test_labels
        measured = objective.Objective(self.network, images, labels, self._workers, self.cost)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network.outputs(self.parameters, images, self._workers)
            cost = measured.evaluate(self.parameters).cost
        return Test(outputs, network.misclassified(outputs, labels), cost)

    def _fingerprint(self, cfg: DictConfig) -> str:
        """Digest of all that decides the result: configuration, data and source code."""
        groups = ["dist", "optimizer", "seeds", "network"] + (["estimator"] if self.law else [])
        science: dict[str, Any] = {
            group: OmegaConf.to_container(cfg[group], resolve=True) for group in groups
        }
        science |= {key: cfg[key] for key in ("epochs", "forward_passes", "batch_size")}
        science |= {key: cfg[key].value for key in ("cost", "dtype", "stream")}
        science["data"] = [
            self.split.digest,
            self.split.validation,
            len(self.split.test_labels),
            len(self.split.train_labels),
        ]
        science["source"] = [source_digest(), *map(_foreign_source, self._parts)]
        return hashlib.sha256(json.dumps(science, sort_keys=True).encode()).hexdigest()[:16]


@cache
def source_digest() -> str:
    """Digest of the source code that computes results."""
    digest = hashlib.sha256(np.__version__.encode())
    for path in (*sorted(Path(str(network.__file__)).parent.rglob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _foreign_source(part: object) -> str | None:
    """Return the digest of the file that defines a part of the user's own; None for ours."""
    if type(part).__module__.partition(".")[0] == __name__.partition(".")[0]:
        return None
    path = inspect.getsourcefile(type(part))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else None


def _law(node: DictConfig) -> noise.Law | None:
    options: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    name = options.pop("law", "")
    if name is None:
        return None
    try:
        return noise.Law(name, **options)
    except ValueError as error:
        raise UserError(_named("dist", node, error)) from None


def _named(group: str, node: DictConfig, error: Exception) -> str:
    """Turn a part's message, which starts with a parameter's name, into one about its key."""
    first = re.match(r"\w*", str(error))
    is_key = first is not None and first.group() in node
    return f"{group}.{error}" if is_key else f"{group}: {error}"


def _build(group: str, node: DictConfig) -> Any:
    """Make the dataclass that `_target_` names; its annotations are the schema of the keys."""
    try:
        options = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
        assert isinstance(options, dict)
        cls = get_class(options.pop("_target_"))
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), options))
    except OmegaConfBaseException as error:
        key = f"{group}.{error.full_key}" if error.full_key else group
        key = key.replace(f"{group}.{group}.", f"{group}.")
        if "Missing mandatory value" in str(error):
            raise UserError(f"{key} must be given; write {key}=...") from None
        raise UserError(f"{key}: {str(error).splitlines()[0]}") from None
    except (ImportError, ValueError) as error:
        raise UserError(_named(group, node, error)) from None


def _streams(cfg: DictConfig) -> streams.IndependentStreams | article_stream.ArticleStream:
    seeds = {"seed": cfg.seed, **{f"seeds.{key}": value for key, value in cfg.seeds.items()}}
    for key, seed in seeds.items():
        if seed < 0:
            raise UserError(f"{key} must be a whole number of at least 0, got {seed}")
    if cfg.stream == Stream.independent:
        return streams.IndependentStreams(**cfg.seeds)
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
    try:
        return article_stream.ArticleStream(
            cfg.seeds.init, cfg.epochs, user_cache_path("noise_exp", appauthor=False)
        )
    except ValueError as error:
        raise UserError(f"seed: {error}") from None
