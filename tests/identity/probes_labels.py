"""Probes of labels given by people: what a log says, and what a campaign asks next."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from prefloop.campaign.batch import issue, open_batch
from prefloop.campaign.issued import ISSUED
from prefloop.data.pairs import Pairs
from prefloop.io.hashing import pair_id
from tests.campaign.worlds import said
from tests.identity.guard import Probe
from tests.identity.worlds import FixedModel, listed_table, scratch, some_pairs
from tests.worlds import make_params


def label_probes() -> dict[str, Probe]:
    """Probes of a label log and of a campaign."""
    return {"labels": Probe(_labels), "campaign": Probe(_campaign)}


def _labels() -> Any:
    """What a log says: last words, majorities, every verdict there is, pairs that are not in the pool."""
    from prefloop.labels.table import read_label_table, take_snapshot

    problem = listed_table().problem
    prepared = problem.prepared
    path = scratch("labels.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in _lines(problem)))
    within = prepared.completions_of("pool")
    table = path.with_suffix(".parquet")
    take_snapshot(path, path.with_name("snapshot.jsonl"), table, make_params().labels)
    labelled = read_label_table(table).among(prepared, within)
    trained = {f"balance {of:g}": labelled.comparisons(of) for of in (0.0, 0.5)}
    return {
        "pairs": [labelled.pairs.a, labelled.pairs.b, labelled.pairs.prompt],
        "verdicts": labelled.verdicts,
        "trained": {name: [of.winner, of.loser, of.weight] for name, of in trained.items()},
        "groups": labelled.groups(prepared.text),
    }


def _lines(problem: Any) -> list[dict[str, Any]]:
    """Three annotators on pairs of the pool and of the test, some of them changing their minds."""
    prepared, rng, lines = problem.prepared, np.random.default_rng(8), []
    ids, prompts = prepared.completion_ids.to_pylist(), prepared.prompt_ids.to_pylist()
    for n, row in enumerate(rng.integers(0, len(prepared.pair_a), 90).tolist()):
        a, b = sorted((ids[int(prepared.pair_a[row])], ids[int(prepared.pair_b[row])]))
        lines.append(
            {
                "pair_id": pair_id(a, b),
                "prompt_id": prompts[int(prepared.pair_prompt[row])],
                "completion_a": a,
                "completion_b": b,
                "annotator": f"annotator {n % 3}",
                "verdict": ("a", "b", "a", "tie", "b", "both_bad", "a", "skip")[int(rng.integers(0, 8))],
                "timestamp": "2024-01-01T00:00:00+00:00",
                "round": n // 30,
                "source": "human",
            }
        )
    return lines


def _campaign() -> Any:
    """The first batch, the next ones, what is left of one, one of a pool that runs dry, and all kinds of pairs."""
    problem = listed_table().problem
    params = make_params(campaign__policy="bald", campaign__cold_start="random")
    untrained = FixedModel()
    untrained.epochs, untrained.trained = np.zeros_like(untrained.epochs), False
    first = issue(params, problem, untrained, said(problem, Pairs.empty(), {}), ISSUED.empty_table())
    labels = said(problem, some_pairs(problem, 6), {"one": "abtaba", "two": "aaaa", "three": ""})
    later = issue(params, problem, FixedModel(), labels, ISSUED.empty_table())
    listed = problem.pool
    most = Pairs(listed.a[:-2], listed.b[:-2], listed.prompt[:-2])
    dry = said(problem, most, {"one": "a" * len(most), "two": "aaaa", "three": ""})
    last = issue(params, problem, FixedModel(), dry, ISSUED.empty_table())
    every = {"audit": 0.4, "relabel": 0.3, "buffer": 2, "annotators_per_pair": 2, "overlap": 0.5}
    changed = make_params(campaign__policy="bald", **{f"campaign__{name}": value for name, value in every.items()})
    mixed = issue(changed, problem, FixedModel(), labels, later.slice(0, 2))
    return {
        "first": first,
        "later": later,
        "rest": open_batch(problem, labels, first),
        "last": last,
        "mixed": mixed,
        "open": open_batch(problem, labels, mixed),
    }
