"""All claims, in the order of docs/theory.md."""

from studies.theory import (
    descent,
    ink,
    laws,
    low_rank,
    luck,
    memory,
    outputs,
    schedule,
    step,
    tails,
    units,
    walk,
    weights,
)
from studies.theory.claims import Claim

_MODULES = (
    step, walk, schedule, memory, outputs, ink, tails, descent,
    weights, low_rank, units, laws, luck,
)  # fmt: skip
CLAIMS: dict[str, Claim] = {claim.name: claim for m in _MODULES for claim in m.CLAIMS}
