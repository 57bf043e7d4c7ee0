"""Versions of what decides the bytes of a run."""

from __future__ import annotations

import platform

import numpy as np


def versions() -> dict[str, str]:
    """Versions that decide the bytes of a run."""
    import pyarrow
    import scipy
    import torch

    import prefloop

    return {
        "prefloop": prefloop.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pyarrow": pyarrow.__version__,
    }
