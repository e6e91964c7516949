"""Noise Training (Jae Duk Seo, 2018): a NumPy network that learns from random noise."""

from importlib.metadata import version

__version__ = version("noise-exp")
