"""The report as one HTML page that needs nothing else."""

import html

import numpy as np
import pandas as pd

from noise_exp import __version__
from noise_exp.figures import comparison
from noise_exp.figures import report as pictures
from noise_exp.figures.style import Figure
from noise_exp.records.record import Record
from noise_exp.report import tables, targets, words
from noise_exp.report.build import Report, baseline_levels
from noise_exp.report.drawn import methods_drawn

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
       max-width: 1200px; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; }
img { max-width: 100%; height: auto; }
.picture, .drawing { overflow-x: auto; }
.picture img, .drawing svg { min-width: 640px; }
.mpld3-tooltip-text { font-weight: 600; paint-order: stroke; stroke: #fff; stroke-width: 5px; }
.wide { overflow: auto; max-height: 85vh; }
table { border-collapse: separate; border-spacing: 0; font-size: 13px;
        font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
thead th { border-bottom: 2px solid #888; vertical-align: bottom; white-space: normal;
           position: sticky; top: 0; background: #fff; }
.note { color: #555; font-size: 13px; }
code { background: #f3f3f3; padding: 1px 4px; overflow-wrap: anywhere; }
"""
_MOST_METHODS = 40  # of which a figure or a table of pairs can still be read
_MOST_SHARES = 6


def render(report: Report, title: str, command: str, sweep: str | None = None) -> str:
    """Return the page.

    `command` is what the runs came from, or what asked for the report; `sweep` the id in MLflow of
    the sweep that they are of, if they are of one.
    """
    parts = [f"<h1>{_text(title)}</h1>", f"<p>{_text(words.design(report))}</p>"]
    if report.one_seed:
        parts += [*_article(report), *_one_seed(report, command)]
    else:
        parts.append(_list(words.findings(report)))
        if report.unsaid:
            parts += ["<h2>What these runs cannot tell</h2>", _list(report.unsaid)]
        parts += _costs(report)
        parts += _methods(report)
        parts += _pairs(report)
        parts += _variance(report)
        parts += _targets(report)
    if sweep:
        play = f"make play SWEEP={sweep}"
        parts.append(f"<p>These curves in the notebook: <code>{_text(play)}</code></p>")
    parts.append(
        f'<p class="note">noise_exp {__version__}; <code>{_text(command)}</code>. The same numbers '
        "are in the report_*.csv files beside this page.</p>"
    )
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}'
        f"</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _costs(report: Report) -> list[str]:
    """Return the curves that answer the pointer, with the scripts that they need."""
    drawn = methods_drawn(report.runs.records)
    if not any(np.isfinite(method.costs).any() for method in drawn):
        return []
    from noise_exp.figures import interactive

    parts = ["<h2>Cost per epoch</h2>", interactive.libraries(), interactive.costs(drawn, "costs")]
    if max(len(method.costs) for method in drawn) > 1:
        parts.append(_note("Median over the seeds; the band runs from the lowest to the highest."))
    parts.append(_note("Point at a curve to read its name and its cost."))
    return parts


def _article(report: Report) -> list[str]:
    """Return the article's three figures."""
    drawn = methods_drawn(report.runs.records)
    if not drawn:
        return []
    return [
        *_costs(report),
        "<h2>Test images misclassified, and seconds of training</h2>",
        _picture(comparison.misclassification(drawn), "misclassified images by method"),
        _picture(comparison.training_time(drawn), "seconds of training by method"),
    ]


def _one_seed(report: Report, command: str) -> list[str]:
    """Return what there is to say of a single seed, and what would say more."""
    return [
        "<h2>The methods</h2>",
        _table(tables.one_seed_table(report)),
        _note(
            "Wilson: 95% interval of the share of wrong images. In brackets: what needs no "
            "training. Best constant: always the test set's largest class. Ink counter: the sum "
            "of pixels against one threshold learned on the training images, for two classes."
        ),
        _list([*words.findings(report), *report.unsaid]),
        "<p>What one seed cannot tell, thirty can:</p>",
        f"<p><code>{_text(words.with_seeds(command))}</code></p>",
    ]


def picture_of_dots(report: Report) -> Figure:
    """Return every run as a dot, with the levels of what needs no training."""
    levels = {f"median of {k.strip('()')}": v for k, v in baseline_levels(report).items()}
    return pictures.dots(report.runs.wide, report.summary, report.runs.outcome, levels)


def picture_of_ranks(report: Report) -> Figure | None:
    """Return the critical difference diagram; None without tests, or with too many to read."""
    ranks, p_pairs = report.ranking.ranks, report.ranking.p_pairs
    if p_pairs is None or len(ranks) > _MOST_METHODS:
        return None
    return pictures.critical_difference(ranks, p_pairs)


def picture_of_shares(report: Report) -> Figure | None:
    """Return shares of variance by source; None where there are none, or too many to read."""
    most = max(map(len, report.sources.values()), default=0)
    full = {m: t for m, t in report.sources.items() if len(t) == most}
    return pictures.shares(full) if 0 < len(full) <= _MOST_SHARES else None


def _methods(report: Report) -> list[str]:
    outcome, wide = report.runs.outcome, report.runs.wide
    parts = [f"<h2>{_text(outcome)} by method</h2>"]
    if report.runs.table.outcome.notna().any() and len(wide.columns) <= _MOST_METHODS:
        picture = picture_of_dots(report)
        parts.append(_picture(picture, f"{outcome} of every run, by method"))
    parts.append(_table(tables.methods_table(report)))
    parts.append(
        _note(
            "Each dot is a run; the bar is the interquartile mean (the mean of the middle half of "
            "the seeds) with its 95% BCa bootstrap interval over seeds. Wilson: 95% interval of "
            "the share of wrong images with all seeds together, as if their images were "
            "independent; it knows nothing of the luck of seeds. Best constant: always the "
            "test set's largest class. Ink counter: the sum of pixels against one threshold "
            "learned on the training images, for two classes. In brackets after a count: Wilson's "
            "interval."
        )
    )
    if wide.notna().sum().max() > 1 and len(wide.columns) <= _MOST_METHODS:
        parts += [
            "<h3>Share of seeds at or below (ECDF)</h3>",
            _picture(pictures.ecdf(wide, outcome), "empirical distribution over seeds"),
        ]
    return parts


def _pairs(report: Report) -> list[str]:
    parts = []
    for table in (report.to_backprop, report.to_best):
        if table is not None and len(table):
            reference = table.reference.iloc[0]
            best = " (the best of these runs)" if reference == report.best else ""
            if table is report.to_best and not best:
                best = " (the best of the others)"
            parts += [
                f"<h2>Seed by seed against {_text(reference)}{best}</h2>",
                _table(tables.pairs_table(table)),
            ]
            if best:
                parts.append(
                    _note(
                        "It was chosen as the best by these same seeds, which flatters it: "
                        "confirm a narrow lead on new seeds."
                    )
                )
    if parts:
        parts.append(
            _note(
                "Difference: method minus reference on the same seeds; below zero is better. "
                "Wilcoxon's signed-rank test, two-sided, Holm-corrected over the table. "
                "Equivalence: two one-sided t tests, that the mean difference lies within "
                f"±{report.choices.margin:g}; each tested at 5%, not corrected. "
                "Undecided: neither a difference nor its absence is shown."
            )
        )
    return parts + _ranks(report)


def _ranks(report: Report) -> list[str]:
    picture = picture_of_ranks(report)
    if not picture:
        return []
    return [
        "<h3>Mean ranks (critical difference diagram)</h3>",
        _picture(picture, "mean ranks of the methods; bars join those not told apart"),
        _note(
            f"Rank 1 is the lowest {_text(report.runs.outcome)}, over {report.ranking.blocks} "
            "seeds. A bar joins methods that signed-rank tests of all pairs, Holm-corrected, "
            "do not tell apart at 5%; that is not to say they are equal."
        ),
    ]


def _variance(report: Report) -> list[str]:
    parts = []
    if report.luck:
        parts.append("<h2>Method or luck?</h2>")
        for name, table in report.luck.items():
            parts += [f"<h3>{_text(name)}</h3>", _table(tables.shares_table(table))]
    if report.sources:
        parts.append("<h2>Initial weights, split of the data, noise</h2>")
        if picture := picture_of_shares(report):
            parts.append(_picture(picture, "shares of variance by source"))
        for name, table in report.sources.items():
            parts += [f"<h3>{_text(name)}</h3>", _table(tables.shares_table(table))]
    if parts:
        parts.append(
            _note(
                "Shares of the components of variance, all effects random; an estimate below zero "
                "counts as zero. A program has no error of measurement, so the highest interaction "
                "is what remains. Intervals: generalised confidence intervals, which take the "
                "effects as normal; with few levels they are wide, and rightly so."
            )
        )
    return parts


def _targets(report: Report) -> list[str]:
    table = report.targets
    if not table.runs.any():
        return []
    parts = [
        f"<h2>Time and forward passes to {_text(str(report.choices.target))}</h2>",
        _table(tables.targets_table(report)),
    ]
    curves = []
    for method, records in _by_method(report).items():
        found = [
            r for x in records if (r := targets.reached(x, report.choices.target, "forward_passes"))
        ]
        if any(there for _, there in found):
            curves.append((method, [at for at, _ in found], [there for _, there in found]))
    if curves and len(curves) <= _MOST_METHODS:
        picture = pictures.reached(curves, "forward passes")
        parts.append(_picture(picture, "share of runs at the target by forward passes"))
    horizon = table.forward_passes_horizon.to_numpy()
    limits = (
        f"{np.nanmin(horizon):.3g} passes and {np.nanmin(table.train_seconds_horizon):.3g} seconds"
    )
    parts.append(
        _note(
            "A run that never gets there counts as censored at its end. Median: Kaplan-Meier, with "
            "its 95% interval. Restricted mean: of what was spent until the target, or until "
            f"{limits} if that came first. A backward pass counts as two forward passes. Seconds "
            "are training alone, and depend on what else the machine did."
        )
    )
    return parts


def _by_method(report: Report) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record, method in zip(report.runs.records, report.runs.table.method, strict=True):
        found.setdefault(method, []).append(record)
    return found


def _picture(figure: Figure, alt: str) -> str:
    return f'<div class="picture">{pictures.inline(figure, alt)}</div>'


def _table(table: pd.DataFrame) -> str:
    return f'<div class="wide">{table.to_html(index=False, border=0, escape=True)}</div>'


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _text(text: str) -> str:
    return html.escape(text)
