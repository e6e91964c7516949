"""Only the package tracking knows MLflow, its names for tags included."""

from pathlib import Path

import noise_exp


def test_mlflows_names_occur_in_tracking_alone():
    package = Path(noise_exp.__file__).parent
    knowing = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if '"mlflow.' in path.read_text()
    }
    assert knowing == {"tracking"}
