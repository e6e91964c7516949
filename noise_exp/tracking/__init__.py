"""Everything MLflow: the store, what is delivered to it, and what is read back.

A run writes its journal first (`noise_exp.runs.journal`); a thread delivers it to MLflow
meanwhile. What a store could not take while it was away is delivered later by

    python -m noise_exp.tracking sync FOLDER...

MLflow takes a second to import: only the modules that need it do.
"""

import os
import tempfile
from pathlib import Path

# The delivery retries by itself, and a run's end must not wait for MLflow's own minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("PGCONNECT_TIMEOUT", "10")  # PostgreSQL's own has none
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

# A proxy cannot see this machine's loopback. requests, and so MLflow, reads the small name first.
_LOOPBACK = "localhost,127.0.0.0/8,127.0.0.1,::1"
_direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
if _direct.strip() != "*" and not _direct.endswith(_LOOPBACK):
    os.environ["no_proxy"] = f"{_direct},{_LOOPBACK}".lstrip(",")

try:
    Path.home()
except RuntimeError:  # a container's user without a home, who stops MLflow's import
    os.environ["HOME"] = tempfile.gettempdir()
