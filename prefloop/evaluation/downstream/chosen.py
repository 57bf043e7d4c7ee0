"""Worth of a batch of chosen pairs by the hidden scores, and the models it sets side by side."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from prefloop.acquisition.segments import Segments
from prefloop.data.pairs import Pairs
from prefloop.data.prepared import Prepared
from prefloop.labels.verdicts import A, B

MODEL_COUNTS = pa.schema(
    [("model", pa.string())] + [(name, pa.int64()) for name in ("chosen", "rejected", "tied")]
)


def choice_metrics(scores: np.ndarray, prepared: Prepared, pairs: Pairs) -> dict[str, float | None]:
    """Gap and regrets of chosen pairs by the hidden scores; pairs with an unscored side are left out.

    Args:
        scores: float64 [C], NaN = unknown.
        prepared: the prompt of each completion.
        pairs: the chosen pairs.

    Returns:
        Means over the pairs, in units of the score, each None where no pair is scored: gap (|s_a - s_b|),
        winner_regret (best known score of the prompt - better of the two), pair_regret (best - mean of
        the two), best_hit (share of pairs whose better one has the prompt's best score).

    Source: ActiveUltraFeedback (arXiv 2603.09692) for the gap; Yue et al. 2012 (doi 10.1016/j.jcss.2011.12.028)
        for the regrets, weak and (halved) strong, of a pair in dueling bandits.
    """
    scored = pairs.take(np.isfinite(scores[pairs.a]) & np.isfinite(scores[pairs.b]))
    names = ("gap", "winner_regret", "pair_regret", "best_hit")
    if not len(scored):
        return dict.fromkeys(names)
    first, second = scores[scored.a], scores[scored.b]
    best, better = _best_scores(scores, prepared)[scored.prompt], np.maximum(first, second)
    gap, winner_regret = np.abs(first - second), best - better
    values = (gap, winner_regret, winner_regret + gap / 2, better == best)
    return {name: float(value.mean()) for name, value in zip(names, values, strict=True)}


def _best_scores(scores: np.ndarray, prepared: Prepared) -> np.ndarray:
    """Best known score of each prompt, float64 [Q]; NaN without one."""
    rows = np.flatnonzero(np.isfinite(scores))
    prompts, counts = np.unique(prepared.completion_prompt[rows], return_counts=True)
    best = np.full(len(prepared.prompt_ids), np.nan)
    best[prompts] = Segments(counts).max(scores[rows])
    return best


def model_counts(prepared: Prepared, pairs: Pairs, verdicts: np.ndarray) -> pa.Table:
    """How often each model's completions were chosen, rejected and tied.

    Args:
        prepared: who wrote each completion; one with several models counts for each of them.
        pairs: n labelled pairs.
        verdicts: int8 [n]: 0 = a, 1 = b, anything else counts as tied for both sides.

    Returns:
        A table of MODEL_COUNTS, a row for every known model by name; empty where no model is known.
    """
    a_won, b_won = verdicts == A, verdicts == B
    tied = ~(a_won | b_won)
    columns = {
        "chosen": (pairs.a[a_won], pairs.b[b_won]),
        "rejected": (pairs.b[a_won], pairs.a[b_won]),
        "tied": (pairs.a[tied], pairs.b[tied]),
    }
    counts = {name: _count(prepared, np.concatenate(rows)) for name, rows in columns.items()}
    return pa.table({"model": prepared.models.names, **counts}, schema=MODEL_COUNTS)


def _count(prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """How often each model wrote one of some completions, int64 [W]."""
    models = prepared.models
    times = np.bincount(rows, minlength=len(prepared.completion_ids))
    of_code = np.repeat(times, np.diff(models.offsets))
    total = np.zeros(len(models.names), dtype=np.int64)
    np.add.at(total, models.codes, of_code)
    return total
