"""A reward ensemble from a file that a user names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefloop.errors import LabelsMissing, ModelError, StateError
from prefloop.reward.registry import UncertaintyModel, load_model


def load_trained(path: Path, otherwise: str) -> tuple[UncertaintyModel, dict[str, Any]]:
    """Load a trained ensemble and its provenance.

    Args:
        path: what `save_model` wrote.
        otherwise: how the user names another file, for messages ("pass --model with", say).

    Raises:
        LabelsMissing: an untrained ensemble, whose accuracy would be that of chance.
        ModelError: no weights file of prefloop.
        StateError: a missing file.
    """
    try:
        model, about = load_model(path)
    except StateError as error:
        if not path.is_file():
            raise
        # The file is the user's: no advice to delete it.
        raise ModelError(
            f"{path} is no weights file that this prefloop reads: give model.safetensors of a run or a campaign"
        ) from error
    if not model.trained:
        raise LabelsMissing(
            f"{path} holds an untrained ensemble, which would score as chance does: give labels and run "
            f"dvc repro, or {otherwise} a trained one"
        )
    return model, about
