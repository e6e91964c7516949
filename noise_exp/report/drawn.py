"""What the pictures of methods are drawn from."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from noise_exp.figures.comparison import Method
from noise_exp.records.data_sets import name_methods_of
from noise_exp.records.record import Record


def methods_drawn(records: Sequence[Record]) -> list[Method]:
    """Return the methods with their runs that did not fail, in the article's order."""
    methods: dict[str, list[Record]] = {}
    for name, record in zip(name_methods_of(records), records, strict=True):
        if record.error is None:
            methods.setdefault(name, []).append(record)
    return [
        Method(
            label=name,
            tick=(runs[0].letter or name) if name == runs[0].dist else name,
            costs=pd.DataFrame([list(r.curves.get("cost", ())) for r in runs]).to_numpy(float),
            seconds=np.array([r.seconds for r in runs]),
            errors=np.array([r.errors for r in runs]),
        )
        for name, runs in sorted(methods.items(), key=lambda item: (item[1][0].letter or "~",))
    ]
