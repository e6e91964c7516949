import numpy as np
import pytest


@pytest.fixture
def luck():
    return np.random.default_rng(7).integers(150, 300, 30)
