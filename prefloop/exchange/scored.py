"""Rewards and uncertainties of new pairs and responses, by a trained model, a block of rows at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from prefloop import uncertainty as u
from prefloop.config.data import Embed
from prefloop.data.readers import PreferenceFile
from prefloop.data.records import PairRecord, Record, Unread, own_ids
from prefloop.embed.cache import open_cache
from prefloop.embed.settings import cache_folder, vector_settings
from prefloop.errors import DataError, ModelError
from prefloop.evaluation.rewardbench.embed import embed_answers
from prefloop.evaluation.rewardbench.encoder import load_recorded_encoder
from prefloop.evaluation.rewardbench.trained import load_trained
from prefloop.exchange.files import check_ending, write_parts
from prefloop.messages.message import Turns

# One row for each comparison or list of answers that a row of the file holds, in the file's order.
SCORED = pa.schema(
    [
        ("row", pa.int64()),
        ("ids", pa.list_(pa.string())),
        ("rewards", pa.list_(pa.float64())),
        ("uncertainties", pa.list_(pa.float64())),
        ("probability", pa.float64()),
        ("probability_std", pa.float64()),
        ("bald", pa.float64()),
        ("left_out", pa.string()),
    ]
)
_ROWS = 2048


@dataclass(frozen=True, slots=True)
class Asked:
    """What is scored: a pair (two answers, in the order of the file) or the answers to one prompt.

    Attributes:
        row: where it stands; None where a whole file is one conversation.
        ids: what the user calls it.
        prompt, completions: the texts; no answer where the row cannot be used.
        is_pair: whether its two answers are compared.
        left_out: why it cannot be used.
    """

    row: int | None
    ids: tuple[str, ...]
    prompt: Turns
    completions: tuple[Turns, ...]
    is_pair: bool = False
    left_out: str | None = None


@dataclass
class Summary:
    """What was scored, counted while it was written."""

    rows: int = 0
    pairs: int = 0
    responses: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    uncertainty: float = 0.0
    bald: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Counts, and means over responses and pairs; None where there are none."""
        return {
            "rows": self.rows,
            "pairs": self.pairs,
            "responses": self.responses,
            "left_out": dict(sorted(self.left_out.items())),
            "mean_uncertainty": self.uncertainty / self.responses if self.responses else None,
            "mean_bald": self.bald / self.pairs if self.pairs else None,
        }


def score_preferences(
    file: PreferenceFile, model_path: Path, embed: Embed, cache: Path, out: Path
) -> dict[str, Any]:
    """Write rewards and uncertainties of all that a preference file holds, whole or not at all.

    Args:
        file: in any form that `data check` reads; verdicts in it are not looked at.
        model_path: what `save_model` wrote.
        embed: section `embed` in force: device, batch size, and where a local encoder lies.
        cache: folder of vector caches.
        out: the file, .parquet, .jsonl or .jsonl.gz.

    Returns:
        See `Summary`.

    Raises:
        ConfigError: another ending.
        DataError: a row that is not understood, or too many that cannot be used.
        LabelsMissing: an untrained model.
        ModelError: the encoder is not here or not the same, or rewards that are no numbers.
        StateError: a missing model, or a cache in use.
    """
    check_ending(out)
    model, about = load_trained(model_path, "pass --model with")
    encoder = load_recorded_encoder(about.get("encoder"), embed)
    summary = Summary()

    def parts() -> Iterator[pa.Table]:
        with ExitStack() as stack:
            settings = vector_settings(encoder)
            vectors = stack.enter_context(open_cache(cache_folder(cache, settings), encoder.dim))
            for block in _blocks(asked_in(file)):
                usable = [one for one in block if one.completions]
                features = embed_answers(usable, encoder, vectors) if usable else None
                rewards = np.zeros((2, 0)) if features is None else model.rewards(features).astype(np.float64)
                yield pa.Table.from_pylist(_rows(block, rewards, summary), SCORED)

    write_parts(out, SCORED, parts())
    return summary.to_json()


def asked_in(file: PreferenceFile) -> Iterator[Asked]:
    """What a preference file asks, row by row; several votes on a pair in one row ask once.

    Raises:
        DataError: a row that is not understood, or too many that cannot be used.
    """
    for _, items in file.read():
        seen: set[tuple[str, ...]] = set()
        for item in items:
            if isinstance(item, DataError):
                raise item
            one = _left_out(item) if isinstance(item, Unread) else _asked(item)
            texts = (one.prompt.plain, *(turns.plain for turns in one.completions))
            if not one.is_pair or texts not in seen:
                seen.add(texts)
                yield one


def _left_out(item: Unread) -> Asked:
    return Asked(item.place.row, (), Turns(""), (), left_out=item.reason)


def _asked(record: Record) -> Asked:
    row = None if record.place is None else record.place.row
    if isinstance(record, PairRecord):
        sides = (record.completion_a, record.completion_b)
        return Asked(row, own_ids(record), record.prompt, sides, is_pair=True)
    return Asked(row, own_ids(record), record.prompt, record.completions)


def _blocks(asked: Iterable[Asked]) -> Iterator[list[Asked]]:
    rest = iter(asked)
    while block := list(islice(rest, _ROWS)):
        yield block


def _rows(block: Sequence[Asked], rewards: np.ndarray, summary: Summary) -> list[dict[str, Any]]:
    """Rows of SCORED, of rewards float64 [M, C] that lie item by item."""
    rows: list[dict[str, Any]] = []
    start = 0
    for one in block:
        stop = start + len(one.completions)
        part = rewards[:, start:stop]
        start = stop
        if not np.isfinite(part).all():
            raise ModelError(f"the model gives NaN or infinity to an answer of row {one.row}: train it again")
        rows.append({"row": one.row, "ids": list(one.ids), "left_out": one.left_out, **_scores(one, part)})
        _count(summary, one, rows[-1])
    return rows


def _scores(one: Asked, rewards: np.ndarray) -> dict[str, Any]:
    if not one.completions:
        return {}
    scores: dict[str, Any] = {
        "rewards": rewards.mean(axis=0).tolist(),
        "uncertainties": u.deviation(rewards).tolist(),
    }
    if one.is_pair:
        logits = rewards[:, :1] - rewards[:, 1:]
        won = expit(logits)
        scores |= {"probability": float(won.mean()), "probability_std": float(u.deviation(won)[0])}
        scores |= {"bald": float(u.bald(logits)[0])}
    return scores


def _count(summary: Summary, one: Asked, row: dict[str, Any]) -> None:
    summary.rows += 1
    if one.left_out is not None:
        summary.left_out[one.left_out] += 1
    summary.responses += len(one.completions)
    summary.uncertainty += sum(row.get("uncertainties", ()))
    if one.is_pair:
        summary.pairs += 1
        summary.bald += row["bald"]
