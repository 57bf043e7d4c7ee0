"""Uncertainty model that prefloop trained, as an oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from prefloop.errors import ModelError
from prefloop.evaluation.rewardbench.embed import embed_items
from prefloop.evaluation.rewardbench.encoder import find_recorded_encoder
from prefloop.evaluation.rewardbench.items import Item
from prefloop.evaluation.rewardbench.trained import load_trained
from prefloop.judges.kinds import RewardModel
from prefloop.labels.comparison import Comparison
from prefloop.messages.message import Turns


def mean_rewards(config: RewardModel) -> Callable[[Sequence[Comparison]], np.ndarray]:
    """A scorer by the mean over members of the reward of a prompt with its completion.

    Args:
        config: where the weights lie, and with what to embed.

    Raises:
        LabelsMissing: an untrained uncertainty model.
        ModelError: no weights, or the encoder that they were trained with is not here or not the same.
        ConfigError: a device that is not here.
    """
    if not config.path.is_file():
        raise ModelError(
            f"{config.path} is no file: set the judge's path to model.safetensors of a run "
            "(data/runs/POLICY/SEED) or of a campaign (data/campaign) that has labels"
        )
    model, about = load_trained(config.path, "set the judge's path to")
    encoder = find_recorded_encoder(
        about.get("encoder"),
        model=config.encoder,
        device=config.device,
        batch_size=config.batch_size,
        key="the judge's encoder",
    )

    def scores(comparisons: Sequence[Comparison]) -> np.ndarray:
        items = [Item(c.pair, "", Turns(c.prompt), (Turns(c.a), Turns(c.b)), 1) for c in comparisons]
        # No cache is kept: a vector found again could differ in its last bits from one computed in this
        # company, and a resumed run must see what an undisturbed one saw.
        with TemporaryDirectory() as scratch:
            rewards = model.rewards(embed_items(items, encoder, Path(scratch)))
        return rewards.astype(np.float64).mean(axis=0).reshape(-1, 2)

    return scores
