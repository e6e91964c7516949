"""A second set of digits, small, of other writers and another camera than MNIST's."""

from dataclasses import dataclass

import numpy as np

from noise_exp.training.data import Digits


@dataclass
class Digits8(Digits):
    """Scikit-learn's 1,797 digits of 8 by 8 pixels, each the black pixels of a block of 4 by 4.

    They are the test set of the UCI repository's *Optical Recognition of Handwritten Digits*
    (Alpaydin and Kaynak 1998, doi:10.24432/C50P49, CC BY 4.0), read from the installed package.
    """

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (1797, 8, 8) of 0 to 16, the labels (1797,) and their source."""
        from sklearn.datasets import load_digits

        found = load_digits()
        return found.images, found.target, "scikit-learn's digits of 8 by 8"
