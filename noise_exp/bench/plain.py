"""The article's way as a contender."""

from noise_exp.bench.problem import LR, SIGNAL, Problem, Train
from noise_exp.training.article_way import article_way


def prepare(problem: Problem, method: str, threads: int) -> Train:
    """Return a function that trains for a number of epochs."""
    split, law = problem.split, None if method == "backprop" else method
    return article_way(
        split.train_images, split.train_labels, problem.layers, law, LR, SIGNAL, threads
    )
