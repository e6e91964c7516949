"""Made-up runs whose comparison is known, and the page made of them."""

import dataclasses
import re

from support import LETTERS

from noise_exp.report.page import render
from noise_exp.runs.record import DataSet, Record

SIZE = 500


def recorded(
    params, metrics=(), curves=(), letter=None, error=None, diverged=False, digest=None, **known
):
    """A run by what a comparison may ask of it; whatever else is known of it is a tag."""
    fields = {field.name for field in dataclasses.fields(Record)}
    tags = {"article_letter": letter, "error": error, "diverged": diverged and "true"}
    tags |= {key: known.pop(key) for key in known.keys() - fields}
    return Record(
        "", {key: value for key, value in tags.items() if value}, params, dict(metrics),
        dict(curves), dataset=digest and DataSet("", digest, "", {}),
        status="FAILED" if error else "FINISHED", **known,
    )  # fmt: skip


def run(dist, errors, seed, error_rates=(0.5, 0.4), size=SIZE, seeds=None, **options):
    """A run as the store would hold it; of what it was, only the test errors matter."""
    init, data, noise = seeds or (seed, seed, seed)
    params = {
        "dist": dist, "data": "mnist01", "test_images": str(size), "seed": str(seed),
        "seeds.init": str(init), "seeds.data": str(data), "seeds.noise": str(noise),
        **options.pop("params", {}),
    }  # fmt: skip
    n = len(error_rates)
    metrics = {
        "test_errors": errors, "test_error_rate": errors / size, "constant_errors": 0.44 * size,
        "pixel_sum_errors": 0.08 * size, "train_seconds": float(n), "forward_passes": float(n),
    }  # fmt: skip
    curves = {"cost": [errors / size] * n, "train_error_rate": list(error_rates),
              "train_seconds": [i + 1.0 for i in range(n)],
              "forward_passes": [i + 1.0 for i in range(n)]}  # fmt: skip
    return recorded(params, metrics, curves, LETTERS.get(dist), **options)


def runs(**errors):
    """Runs of several methods, one per seed."""
    return [run(dist, e, seed) for dist, es in errors.items() for seed, e in enumerate(es)]


def page(report):
    """The page's visible text; it must be whole, need no other file, and have no bare nan."""
    html = render(report, "a title & more", "a command")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    html = re.sub(r"<script>.*?</script>|<noscript>.*?</noscript>", " ", html, flags=re.DOTALL)
    assert set(re.findall(r'(?:src|href)="([^"]{5})', html)) <= {"data:"}
    assert "@import" not in html
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|None|NaN|NaT)\b", text)
    assert "http" not in text
    return " ".join(text.split())
