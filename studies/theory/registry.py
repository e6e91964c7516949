"""All claims, in the order of docs/theory.md."""

from studies.theory import descent, feedback, memory, pixel_sum, saturation, schedule, step, walk
from studies.theory.claims import Claim

_MODULES = (step, walk, schedule, memory, pixel_sum, saturation, descent, feedback)
CLAIMS: dict[str, Claim] = {claim.name: claim for m in _MODULES for claim in m.CLAIMS}
