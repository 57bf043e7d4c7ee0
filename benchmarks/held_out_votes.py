"""Held-out votes: how well models of annotators predict one vote of each pair from the others.

A part of `benchmarks.votes`. A model whose strength of shrinking is not fitted gets the one that is best on the
held-out votes themselves; which it was is told, as a best one at the end of the grid would not be the best. Pairs
share prompts and people: an interval takes the pairs of a prompt together, or the votes of a person, or neither,
whichever is widest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t

from benchmarks.annotator_references import STRENGTHS, Predict, control, dawid_skene, one_coin, ours, share
from prefloop.labels.annotators import fit_annotators
from prefloop.labels.verdicts import COMPARED, all_turned
from prefloop.labels.votes import Votes
from prefloop.rng import Stream, generator

CONFIDENCE = 0.95
# Fewer prompts or people than this say nothing of how much these differ.
_LEAST_CLUSTERS = 10
MODELS: dict[str, dict[str, Predict]] = {
    "share": {"": share},
    "one coin": {f"{strength:g}": one_coin(strength) for strength in STRENGTHS},
    "Dawid-Skene": {f"{strength:g}": dawid_skene(strength) for strength in STRENGTHS},
    "control": {"": control},
    "ours": {"": ours},
}


@dataclass(frozen=True)
class HeldOut:
    """What the models said of the held-out votes: S seeds, one vote of each of P pairs.

    Attributes:
        log: float64 [S, P] of each model, log-likelihood of each vote.
        right: float64 [S], share of the votes that were the likeliest verdict.
        strength: the best strength of shrinking, by seed; empty where there is none to choose.
        person: int64 [S, P], whose votes they were.
        prompt: int64 [P].
    """

    log: dict[str, np.ndarray]
    right: dict[str, np.ndarray]
    strength: dict[str, list[str]]
    person: np.ndarray
    prompt: np.ndarray

    def against(self, reference: str) -> dict[str, Any]:
        """Differences with intervals that hold together (Bonferroni), and standard errors by what is alike."""
        others = [name for name in self.log if name != reference]
        level = 1 - (1 - CONFIDENCE) / (2 * len(others))
        return {name: self._difference(self.log[name] - self.log[reference], level) for name in others}

    def _difference(self, values: np.ndarray, level: float) -> dict[str, Any]:
        mean, errors, halves = float(values.mean()), {}, []
        alike = {"pair": np.arange(len(self.prompt)), "prompt": self.prompt, "person": self.person}
        for name, groups in alike.items():
            rest = np.bincount(np.broadcast_to(groups, values.shape).ravel(), weights=(values - mean).ravel())
            count = len(np.unique(groups))
            if count >= _LEAST_CLUSTERS:
                error = float(np.sqrt((rest**2).sum() * count / (count - 1))) / values.size
                errors[name] = round(error, 5)
                halves.append(float(t.ppf(level, count - 1)) * error)
        low, high = mean - max(halves), mean + max(halves)
        return {"difference": [round(x, 5) for x in (mean, low, high)], "standard_error": errors}


def people(table: pa.Table, seeds: int) -> dict[str, Any]:
    """Log-likelihood and accuracy of held-out votes, and differences from the control and from the share."""
    votes, prompt = votes_of(table)
    told = held_out(votes, prompt, seeds)
    models = {
        name: {"log_likelihood": round(float(log.mean()), 5), "accuracy": round(float(told.right[name].mean()), 5)}
        | ({"strength": told.strength[name]} if len(MODELS[name]) > 1 else {})
        for name, log in told.log.items()
    }
    result = {"seeds": seeds, "pairs": len(votes.pair_ids), "people": len(votes.people), "models": models}
    result |= {f"against {reference}": told.against(reference) for reference in ("control", "share")}
    return result | {"fit": fit(votes)}


def held_out(votes: Votes, prompt: np.ndarray, seeds: int) -> HeldOut:
    """Hold out a random vote of each pair, once a seed, and predict it by every model."""
    shape = seeds, len(votes.pair_ids)
    log = {name: np.empty(shape) for name in MODELS}
    right = {name: np.empty(seeds) for name in MODELS}
    strength: dict[str, list[str]] = {name: [] for name in MODELS}
    person = np.empty(shape, dtype=np.int64)
    for seed in range(seeds):
        order = np.lexsort((generator(seed, 0, Stream.HOLDOUT).random(len(votes)), votes.pair))
        held = np.zeros(len(votes), dtype=bool)
        held[order[np.flatnonzero(np.diff(votes.pair[order], prepend=-1))]] = True
        rest, asked = votes.take(~held), votes.take(held)
        said = np.arange(len(asked)), asked.verdict
        person[seed, asked.pair] = asked.person
        for name, variants in MODELS.items():
            predicted = {key: one(rest, asked) for key, one in variants.items()}
            best = max(predicted, key=lambda key: float(np.log(predicted[key][said]).mean()))
            strength[name].append(best)
            log[name][seed, asked.pair] = np.log(predicted[best][said])
            right[name][seed] = (predicted[best].argmax(axis=1) == asked.verdict).mean()
    return HeldOut(log, right, strength, person, prompt)


def fit(votes: Votes) -> dict[str, Any]:
    """How far the model of annotators finds people apart, from all votes."""
    model = fit_annotators(votes)
    low, high = np.quantile(model.reliability, [0.1, 0.9])
    return {
        "spread_of_tie_habits": round(float(model.pooled.spread[0]), 3),
        "spread_of_log_reliabilities": round(float(model.pooled.spread[1]), 3),
        "reliability_tenth_to_ninth_decile": [round(float(low), 4), round(float(high), 4)],
    }


def votes_of(table: pa.Table) -> tuple[Votes, np.ndarray]:
    """The votes of the data, and each pair's prompt."""
    pair, _ = _numbers(table["pair_id"])
    person, names = _numbers(table["annotator"])
    prompt, _ = _numbers(table["prompt_id"])
    verdict = codes(table, pc.greater(table["completion_a"], table["completion_b"]).to_numpy())
    of_pair = np.empty(int(pair.max()) + 1, dtype=np.int64)
    of_pair[pair] = prompt
    ids = pa.array(np.arange(len(of_pair))).cast(pa.string())
    return Votes(pair, person, verdict, np.arange(len(pair)), ids, names), of_pair


def codes(table: pa.Table, turned: np.ndarray) -> np.ndarray:
    """Codes of the votes, those of some rows on the pair turned round."""
    verdict = pc.index_in(table["verdict"], pa.array(COMPARED)).to_numpy().astype(np.int8)
    return np.where(turned, all_turned(verdict), verdict)


def _numbers(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary
