"""The article's way as a contender."""

from noise_exp.training import Trial, article
from studies.article_way import article_way
from studies.benchmarks.problem import Train


def prepare(trial: Trial) -> Train:
    """Return a function that trains for a number of epochs."""
    return article_way(
        trial.split.train_images,
        trial.split.train_labels,
        trial.network.views(trial.parameters),
        trial.law.name if trial.law else None,
        article.DROPPED_LR,
        article.SIGNAL,
        trial.objective.workers.threads,
    )
