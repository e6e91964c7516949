"""A picture shows its own run."""

import io

from noise_exp.figures import comparison

NAN = float("nan")


def drawn(costs):
    content = io.BytesIO()
    comparison.cost_curve(costs, "gumbel: cost per epoch").savefig(content, format="png")
    return content.getvalue()


def test_a_cost_curve_does_not_depend_on_those_drawn_before():
    runs = ([3.0, 2.0, 1.0], [NAN, NAN], [0.001] * 90, [5e6, NAN, 3e6])
    first = [drawn(costs) for costs in runs]
    assert len(set(first)) == len(runs)
    assert [drawn(costs) for costs in reversed(runs)] == first[::-1]
    comparison._cost_figure.cache_clear()
    assert [drawn(costs) for costs in reversed(runs)] == first[::-1]
