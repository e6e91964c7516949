"""Noise Training (Jae Duk Seo, 2018): a NumPy network that learns from random noise."""

import sys
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("noise-exp")
except PackageNotFoundError:  # started in the checkout by another Python than its environment's
    raise ImportError(
        f"noise_exp is not installed for {sys.executable}; write first: . .venv/bin/activate "
        "(make sweep makes that environment; without make: pip install -e . -c constraints.txt)",
        name=__name__,  # then `python -m` says it in one line
    ) from None
