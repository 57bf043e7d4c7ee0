"""Campaigns by hand: audit slices with a known curve, logs, and issued pairs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from prefloop.campaign.audited import Audited
from prefloop.campaign.issued import ISSUED
from prefloop.labels.lines import table_of
from tests.labels.helpers import label


def slice_of(scores, n_labels, prompt=None):
    """Audited pairs whose one vote has a given log-likelihood."""
    count = len(scores)
    prompt = np.arange(count) if prompt is None else prompt
    return Audited(
        round=np.asarray(n_labels) // 100,
        n_labels=np.asarray(n_labels),
        prompt=np.asarray(prompt),
        probability=np.exp(np.asarray(scores, dtype=np.float64)),
        votes=np.tile([1, 0, 0], (count, 1)),
        share=np.ones(count),
    )


def drawn_slice(rng, curve, n_labels, expects=None, luck=0.0):
    """Audited pairs of models whose best score at n labels is curve(n).

    They expect a score of themselves that is that of the curve `expects`, and differ from it by luck.
    """
    n = np.asarray(n_labels, dtype=np.float64)
    expected = curve(n)
    told = expected if expects is None else expects(n)
    levels, level = np.unique(n_labels, return_inverse=True)
    lucky = rng.normal(0, luck, len(levels))[level]
    # A calibrated p has this score in expectation.
    grid = np.linspace(0.5, 0.999999, 2000)
    scores = grid * np.log(grid) + (1 - grid) * np.log(1 - grid)
    true, said = (np.interp(values, scores, grid) for values in (expected, told + lucky))
    right = rng.random(len(true)) < true
    return slice_of(np.log(np.where(right, said, 1 - said)), n_labels)


def lines_of(*labels):
    """A log of these labels, as `tests.labels.helpers.label` makes them."""
    return table_of(labels)


def issued_of(*numbers, kind="audit", probability=0.7, n_labels=10, prompt="p", round_=1):
    """Issued pairs of the numbers that `label` takes."""
    rows = []
    for order, number in enumerate(numbers):
        one = label(number)
        rows.append(
            {
                "round": round_, "order": order, "kind": kind, "pair_id": one.pair_id, "prompt_id": prompt,
                "completion_a": one.completion_a, "completion_b": one.completion_b, "policy": None,
                "annotators": 1, "probability": probability, "member_logits": None, "n_labels": n_labels,
                "n_decided": n_labels,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, ISSUED)
