"""Strength of the model behind each response, for the pair rule that compares models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prefloop.acquisition.responses import PairParameters
from prefloop.acquisition.rules import FixedPair
from prefloop.data.pairs import Pool
from prefloop.errors import ConfigError


def check_models(pool: Pool, rule: PairParameters) -> None:
    """Refuse a rule about models on a pool that does not name them.

    Raises:
        ConfigError: no completion of the pool has a model's name, or a configured name is unknown.
    """
    if not isinstance(rule, FixedPair):
        return
    models = sorted({pool.models.names[code] for code in np.unique(_codes(pool))})
    if not models:
        raise ConfigError(
            "pair rule 'fixed_pair' compares models, but the data do not say which model wrote a completion: "
            "add the field models (or model_a, model_b) to the data, or choose another policy"
        )
    for name in (*rule.strong, *rule.weak):
        if name not in models:
            raise ConfigError(f"pair rule 'fixed_pair': no model '{name}' in the pool; known: {', '.join(models)}")


def strengths(pool: Pool, rule: FixedPair, mean_rewards: Callable[[], np.ndarray]) -> np.ndarray:
    """Strength of each pool completion's model, float64 [C_pool]; where texts merged, the models' mean.

    Args:
        pool: the pool.
        rule: names of strong and weak models, or none.
        mean_rewards: gives float [C_pool], mean rewards over members; called without names.

    Returns:
        1 for strong, -1 for weak, 0 for other named models; without names the mean over the pool of
        the rewards of each model's responses. 0 for a completion without a model.
    """
    codes = _codes(pool)
    lengths = np.diff(pool.models.offsets[: pool.offsets[-1] + 1])
    owner = np.repeat(np.arange(len(lengths)), lengths)
    if rule.strong:
        names = pool.models.names
        of_model = np.array([float(name in rule.strong) - float(name in rule.weak) for name in names])
    else:
        total = np.bincount(codes, weights=mean_rewards()[owner], minlength=len(pool.models.names))
        of_model = total / np.maximum(np.bincount(codes, minlength=len(pool.models.names)), 1)
    summed = np.bincount(owner, weights=of_model[codes], minlength=len(lengths))
    return summed / np.maximum(lengths, 1)


def _codes(pool: Pool) -> np.ndarray:
    return pool.models.codes[: pool.models.offsets[pool.offsets[-1]]]
