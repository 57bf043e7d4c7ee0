"""A trained ensemble on a RewardBench file: read, embed, score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.config.data import Embed
from prefloop.evaluation.rewardbench.embed import embed_items
from prefloop.evaluation.rewardbench.encoder import load_recorded_encoder
from prefloop.evaluation.rewardbench.items import Item
from prefloop.evaluation.rewardbench.read import read_items
from prefloop.evaluation.rewardbench.scoring import Result, evaluate
from prefloop.evaluation.rewardbench.trained import load_trained


def score_file(path: Path, model_path: Path, embed: Embed, cache: Path) -> tuple[Result, list[Item]]:
    """Score an ensemble on a local file, with the encoder that it was trained with.

    Args:
        path: a RewardBench file.
        model_path: what `save_model` wrote.
        embed: section `embed` in force: device, batch size, and where a local encoder lies.
        cache: folder of vector caches.

    Returns:
        The result and the rows of the file.

    Raises:
        LabelsMissing: an untrained ensemble, whose accuracy would be that of chance.
        DataError: a malformed file.
        ModelError: the encoder is not here or not the same.
        ModelError: no weights file of prefloop.
        StateError: a missing model, or a cache in use.
    """
    model, about = load_trained(model_path, "pass --model with")
    version, items = read_items(path)
    encoder = load_recorded_encoder(about.get("encoder"), embed)
    return evaluate(version, items, model.rewards(embed_items(items, encoder, cache))), items


def summary(result: Result) -> dict[str, Any]:
    """The scores as a JSON object; nothing of single rows."""
    return {
        "format": f"RewardBench {result.version}",
        "subsets": {name: asdict(subset) for name, subset in result.subsets.items()},
        "sections": result.sections,
        "ties": asdict(result.ties) if result.ties else None,
        "rows": asdict(result.rows) if result.rows else None,
        "score": result.score,
        "complete": result.complete,
    }


def row_results(result: Result, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Of each row what it counted and its completions' rewards, so that other metrics can be computed."""
    ends = np.cumsum([len(item.completions) for item in items])[:-1]
    rewards, deviations = np.split(result.reward_C, ends), np.split(result.uncertainty_C, ends)
    return [
        {
            "id": item.id,
            "subset": item.subset,
            "n_chosen": item.n_chosen,
            "credit": credit,
            "rewards": row_rewards.tolist(),
            "uncertainties": deviation.tolist(),
        }
        for item, credit, row_rewards, deviation in zip(items, result.credits, rewards, deviations, strict=True)
    ]


def table(result: Result) -> list[list[str]]:
    """The scores as rows of name, number of rows, accuracy, uncertainty, for a person."""
    subsets = result.subsets.items()
    rows = [[name, str(s.n), _share(s.accuracy), f"{s.uncertainty:.3f}"] for name, s in subsets]
    rows += [[f"section {name}", "", _share(score), ""] for name, score in result.sections.items()]
    if (every := result.rows) is not None:
        name = "all rows but Ties" if result.ties else "all rows"
        rows.append([name, str(every.n), _share(every.accuracy), f"{every.uncertainty:.3f}"])
    if result.score is not None:
        rows.append(["score" if result.complete else "score (partial)", "", _share(result.score), ""])
    return rows


def _share(value: float) -> str:
    return f"{value:.3f}"
