"""Several people's votes: which model of them predicts held-out votes, which labels train the best reward model.

python -m benchmarks.votes --data FILE --cache DIR [--seeds 8] [--votes 3000] [--parts people labels ties relabel]

FILE has pairs with votes, `votes: [{annotator, verdict}]` in each row, a, b or tie. DIR keeps the prepared
and embedded data and one line a result, so that a run that was cut short goes on where it was. Prints one JSON
object.

people: one vote a pair is held out and predicted from the others (`benchmarks.held_out_votes`). The references'
strength of shrinking is the one that is best on the held-out votes themselves; an interval takes the pairs of a
prompt together, or the votes of a person, whichever is wider.
labels: a seed has a division by prompt of its own. At equal numbers of votes, so one each on three times as many
pairs as three each, reward models train on majority, share and the model of annotators, ties none or half. Judged
by the log-likelihood of the votes a and b on the test's prompts, prompts alike.
ties: a linear head on shares of three votes a pair, with ties left out, as half a preference each way, or by
Davidson's likelihood; its ridge is the one that is best on a quarter of the pool's prompts, which train nothing.
relabel: half of the votes are two each on pairs; of the others so large a part asks once more about pairs on which
votes disagree (as far as there are any left), and the rest about new pairs.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import t

from benchmarks.held_out_votes import codes, people
from prefloop.config import Params, load_params, packaged_params
from prefloop.config.columns import Votes as ColumnOfVotes
from prefloop.config.data import FileEntry
from prefloop.data.pairs import Pairs
from prefloop.evaluation.predictive import pair_logits
from prefloop.io.layout import Layout
from prefloop.labels.annotators import fit_annotators
from prefloop.labels.labelled import Labelled
from prefloop.labels.soft import SoftLabels, soft_labels
from prefloop.labels.verdicts import COMPARED, TIE, A, B, majority
from prefloop.labels.votes import Votes
from prefloop.oracle.votes import read_votes
from prefloop.pool.bench import embed, neighbours, prepare
from prefloop.pool.problem import Inputs, Problem, divided, load_inputs
from prefloop.pool.steps import fit_round
from prefloop.report.multiplicity import joint_level
from prefloop.report.scores import Scores, SeedSums
from prefloop.report.variance import contrast, units_of
from prefloop.rng import Stream, generator

PARTS = ("people", "labels", "ties", "relabel")
RELABEL = (0.0, 0.25, 0.5, 1.0)
RIDGES = (1e-3, 1e-2, 1e-1)
CONFIDENCE, RESAMPLES = 0.95, 2000


@dataclass(frozen=True)
class Asked:
    """Votes on one split of a seed's division.

    Attributes:
        pairs: P pairs by row.
        pair: int64 [V], place of each vote's pair; ascending, within a pair in random order.
        person, verdict: [V], name and code of each vote.
    """

    pairs: Pairs
    pair: np.ndarray
    person: np.ndarray
    verdict: np.ndarray

    @property
    def rank(self) -> np.ndarray:
        """int64 [V], place of each vote among those of its pair."""
        starts = np.flatnonzero(np.diff(self.pair, prepend=-1))
        return np.arange(len(self.pair)) - starts[self.pair]

    def labelled(self, kept: np.ndarray, params: Params, **labels: Any) -> Labelled:
        """What some of the votes (a mask) train under changed parameters of section `labels`."""
        config = params.labels.model_copy(update=labels)
        places, pair = np.unique(self.pair[kept], return_inverse=True)
        standing = pa.table(
            {
                "pair_id": pa.array(places[pair]).cast(pa.string()),
                "annotator": pa.array(self.person[kept], pa.string()),
                "verdict": pa.array(COMPARED).take(pa.array(self.verdict[kept])),
                "purpose": pa.nulls(len(pair), pa.string()),
            }
        )
        soft = soft_labels(standing, pair, np.zeros(0, np.int64), config)
        counts = np.bincount(pair * 3 + self.verdict[kept], minlength=3 * len(places)).reshape(-1, 3)
        return Labelled(self.pairs.take(places), majority(counts), soft)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="votes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--votes", type=int, default=3000)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    logging.getLogger("prefloop").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    others = [part for part in options.parts if part != "people"]
    params, layout = prepared(options.data, options.cache, embedded=bool(others))
    table = read_votes(layout.prepared)
    prompts = len(pc.unique(table["prompt_id"]))
    report: dict[str, Any] = {"data": options.data.name, "votes": len(table), "prompts": prompts}
    kept = Kept(options.cache / "votes.jsonl", options.votes)
    if "people" in options.parts:
        report["people"] = people(table, options.seeds)
    if others:
        inputs = load_inputs(layout, params)
        for seed in range(options.seeds):
            for part in others:
                kept.make(part, seed, partial(MEASURES[part], params, inputs, table, seed, options.votes))
    for part in others:
        report[part] = compared(kept.lines(part, options.seeds), REFERENCES[part]) | {"votes": options.votes}
    print(json.dumps(report, indent=1))


def prepared(data: Path, cache: Path, *, embedded: bool) -> tuple[Params, Layout]:
    """The data as the stages prepare and, where it is wanted, embed them, made once."""
    params, layout = load_params(packaged_params()), Layout.folder(cache)
    votes = ColumnOfVotes(path="votes", label="verdict", annotator="annotator")
    columns = params.data.columns.model_copy(update={"votes": votes})
    files = {"source": "files", "raw": data.parent.resolve(), "files": (FileEntry(path=Path(data.name)),)}
    params = params.model_copy(update={"data": params.data.model_copy(update={"columns": columns} | files)})
    done = layout.neighbours if embedded else layout.prepared
    if not done.exists():
        for step in (prepare, embed, neighbours) if embedded else (prepare,):
            step(params, layout)
    return params, layout


class Kept:
    """Results by part, number of votes and seed, one line each in a file."""

    def __init__(self, path: Path, votes: int) -> None:
        self._path, self._votes = path, votes

    def make(self, part: str, seed: int, measure: Callable[[], dict[str, Any]]) -> None:
        """Measure what is not there yet."""
        if any(line["seed"] == seed for line in self._read(part)):
            return
        line = {"part": part, "votes": self._votes, "seed": seed, **measure()}
        with open(self._path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self, part: str, seeds: int) -> list[dict[str, Any]]:
        """Those of the first seeds."""
        by_seed = {line["seed"]: line for line in self._read(part)}
        return [by_seed[seed] for seed in range(seeds)]

    def _read(self, part: str) -> list[dict[str, Any]]:
        text = self._path.read_text() if self._path.exists() else ""
        lines = (json.loads(line) for line in text.splitlines())
        return [line for line in lines if line["part"] == part and line["votes"] == self._votes]


def asked_in(problem: Problem, table: pa.Table, split: str, seed: int) -> Asked:
    """The votes on a split's pairs."""
    ids, within = problem.prepared.completion_ids, problem.prepared.completions_of(split)
    a, b = (pc.fill_null(pc.index_in(table[f"completion_{side}"], ids), -1).to_numpy() for side in "ab")
    inside = (np.minimum(a, b) >= within.start) & (np.maximum(a, b) < within.stop)
    verdict = codes(table, a > b)[inside]
    low, high = np.minimum(a, b)[inside].astype(np.int64), np.maximum(a, b)[inside].astype(np.int64)
    person = table["annotator"].to_numpy()[inside]
    keys, pair = np.unique(low * len(ids) + high, return_inverse=True)
    order = np.lexsort((generator(seed, 0, Stream.SHUFFLE).random(len(pair)), pair))
    low, high = keys // len(ids), keys % len(ids)
    pairs = Pairs(low, high, problem.prepared.completion_prompt[low])
    return Asked(pairs, pair[order], person[order], verdict[order])


def measured(
    params: Params, problem: Problem, test: Asked, arms: dict[str, Labelled], seed: int
) -> dict[str, Any]:
    """The test's log-likelihood of each arm's reward model, summed by prompt."""
    chances = {}
    for name, labelled in arms.items():
        model = fit_round(problem, params.reward, labelled, None, device="cpu", seed=seed, round_=0)
        rewards = model.rewards(problem.completions)
        chances[name] = expit(pair_logits(rewards, test.pairs.a, test.pairs.b)).mean(axis=0)
    return by_prompt(problem, test, chances) | {"labels": {name: len(of.pairs) for name, of in arms.items()}}


def by_prompt(problem: Problem, test: Asked, probability: dict[str, np.ndarray]) -> dict[str, Any]:
    """Log-likelihood of the votes for a and b, mean over a pair's, summed over a prompt's pairs."""
    named = test.verdict != TIE
    count = np.bincount(test.pair[named], minlength=len(test.pairs))
    for_a = np.bincount(test.pair[test.verdict == A], minlength=len(test.pairs)) / np.maximum(count, 1)
    rows, place = np.unique(test.pairs.prompt[count > 0], return_inverse=True)
    sums = {}
    for name, p in probability.items():
        log = for_a * np.log(p) + (1 - for_a) * np.log1p(-p)
        sums[name] = np.bincount(place, log[count > 0]).tolist()
    prompts = problem.division.prompts[rows].tolist()
    return {"sums": sums, "pairs": np.bincount(place).tolist(), "prompt": prompts}


def labels(params: Params, inputs: Inputs, table: pa.Table, seed: int, votes: int) -> dict[str, Any]:
    problem = divided(inputs, params.data, seed)
    pool, test = (asked_in(problem, table, split, seed) for split in ("pool", "test"))
    order, arms = generator(seed, 0, Stream.INITIAL).permutation(len(pool.pairs)), {}
    for each in (1, 3, 5):
        kept = _first_votes(pool, order[: votes // each], each)
        arms[f"{each} majority none"] = pool.labelled(kept, params, aggregate="majority", ties="none")
        for way in ("share",) if each == 1 else ("share", "annotators"):
            for ties in ("half",) if each == 1 else ("none", "half"):
                arms[f"{each} {way} {ties}"] = pool.labelled(kept, params, aggregate=way, ties=ties)
        if each == 3:
            arms["3 consensus half"] = _consensus(pool, kept, params)
    return measured(params, problem, test, arms, seed)


def _consensus(pool: Asked, kept: np.ndarray, params: Params) -> Labelled:
    """What the model of annotators holds that very many people would say, ties half a preference each way."""
    labelled = pool.labelled(kept, params, aggregate="share", ties="half")
    pair = np.unique(pool.pair[kept], return_inverse=True)[1]
    names, person = np.unique(pool.person[kept].astype(str), return_inverse=True)
    ids = pa.array(np.arange(len(labelled.pairs))).cast(pa.string())
    votes = Votes(pair, person, pool.verdict[kept], np.flatnonzero(kept), ids, pa.array(names))
    soft = SoftLabels.of_masses(fit_annotators(votes).consensus, np.ones(len(labelled.pairs)), "half")
    return Labelled(labelled.pairs, labelled.verdicts, soft)


def _first_votes(pool: Asked, pairs: np.ndarray, each: int) -> np.ndarray:
    return np.isin(pool.pair, pairs) & (pool.rank < each)


def relabel(params: Params, inputs: Inputs, table: pa.Table, seed: int, votes: int) -> dict[str, Any]:
    problem = divided(inputs, params.data, seed)
    pool, test = (asked_in(problem, table, split, seed) for split in ("pool", "test"))
    order = generator(seed, 0, Stream.INITIAL).permutation(len(pool.pairs))
    arms = {}
    for part in RELABEL:
        kept = _relabelled(pool, order, votes, part)
        for way in ("majority", "share"):
            arms[f"{way} {part:g}"] = pool.labelled(kept, params, aggregate=way, ties="none")
    return measured(params, problem, test, arms, seed)


def _relabelled(pool: Asked, order: np.ndarray, votes: int, part: float) -> np.ndarray:
    """The votes that are bought: in rounds, so that a pair is asked about again only while its votes disagree."""
    first, later = order[: votes // 4], order[votes // 4 :]
    taken = np.zeros(len(pool.pairs), dtype=np.int64)
    taken[first] = 2
    left, again = votes // 2, round(part * (votes // 2))
    for _ in range(3):
        disputed = [pair for pair in first if again and _disputed(pool, pair, int(taken[pair]))]
        chosen = np.array(disputed[:again], dtype=np.int64)
        taken[chosen] += 1
        again, left = again - len(chosen), left - len(chosen)
    taken[later[:left]] = 1
    return np.asarray(pool.rank < taken[pool.pair])


def _disputed(pool: Asked, pair: int, votes: int) -> bool:
    """Whether the first votes on a pair disagree, and another is there."""
    start, stop = np.searchsorted(pool.pair, [pair, pair + 1])
    return bool(stop - start > votes and len(set(pool.verdict[start : start + votes].tolist())) > 1)


def ties(params: Params, inputs: Inputs, table: pa.Table, seed: int, votes: int) -> dict[str, Any]:
    problem = divided(inputs, params.data, seed)
    pool, test = (asked_in(problem, table, split, seed) for split in ("pool", "test"))
    rng = generator(seed, 0, Stream.INITIAL)
    prompts = rng.permutation(np.unique(pool.pairs.prompt))
    apart = np.isin(pool.pairs.prompt, prompts[: len(prompts) // 4])
    order = rng.permutation(np.flatnonzero(~apart))
    kept = _first_votes(pool, order[: votes // 3], 3)
    counts = np.bincount(pool.pair[kept] * 3 + pool.verdict[kept], minlength=3 * len(pool.pairs)).reshape(-1, 3)
    asked = np.flatnonzero(counts.any(axis=1))
    mean, deviation = problem.moments
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0) / np.sqrt(len(mean))
    on_pool, on_test = (
        (problem.completions[pairs.a].astype(np.float64) - problem.completions[pairs.b]) * scale
        for pairs in (pool.pairs, test.pairs)
    )
    judging = apart[pool.pair] & (pool.verdict != TIE)
    probability = {}
    for way in ("none", "half", "davidson"):
        heads = [linear(on_pool[asked], counts[asked], way, ridge) for ridge in RIDGES]
        best = max(heads, key=lambda head: float(_logs(pool, on_pool @ head)[judging].mean()))
        probability[way] = expit(on_test @ best)
    return by_prompt(problem, test, probability) | {"labels": {"pairs": len(asked)}}


def _logs(asked: Asked, logit: np.ndarray) -> np.ndarray:
    """Log-likelihood of each vote, [V], as if it named a or b."""
    return np.asarray(log_expit(np.where(asked.verdict == A, 1, -1) * logit[asked.pair]))


def linear(x: np.ndarray, counts: np.ndarray, way: str, ridge: float) -> np.ndarray:
    """Weights of a linear reward on differences [n, D] and votes [n, 3], prompts as they come.

    Davidson: a, b and tie with logits z / 2, -z / 2 and nu, so that of those who name a side sigma(z) name a.
    """
    whole = counts.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        theta, nu = parameters[:-1], parameters[-1]
        z = x @ theta
        if way == "davidson":
            logits = np.stack([z / 2, -z / 2, np.full(len(z), nu)], axis=1)
            log = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
            surplus = counts - counts.sum(axis=1, keepdims=True) * np.exp(log)
            slope, of_nu, value = (surplus[:, A] - surplus[:, B]) / 2, surplus[:, TIE].sum(), (counts * log).sum()
        else:
            each = counts[:, TIE] / 2 if way == "half" else 0.0
            for_a, for_b = counts[:, A] + each, counts[:, B] + each
            value = (for_a * log_expit(z) + for_b * log_expit(-z)).sum()
            slope, of_nu = for_a * expit(-z) - for_b * expit(z), 0.0
        gradient = np.append(ridge * theta - slope @ x / whole, -of_nu / whole)
        return float(-value / whole + ridge * theta @ theta / 2), gradient

    found = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(found.x[:-1])


def compared(lines: list[dict[str, Any]], references: tuple[str, ...]) -> dict[str, Any]:
    """Mean log-likelihood of each arm and differences from references, with intervals that hold together."""
    names = list(lines[0]["sums"])
    seeds = [
        SeedSums(
            np.array([line["sums"][name] for name in names])[:, None],
            np.array(line["pairs"]),
            np.array(line["prompt"]),
            np.ones(len(line["prompt"])),
        )
        for line in lines
    ]
    scores = Scores(tuple(seeds))
    units = units_of(scores, np.ones(1))
    means = dict(zip(names, scores.mean()[:, 0].round(5).tolist(), strict=True))
    counts = {name: float(np.mean([line["labels"][name] for line in lines])) for name in lines[0]["labels"]}
    result: dict[str, Any] = {"seeds": len(lines), "labels": counts, "log_likelihood": means}
    for reference in references:
        others = [name for name in names if name != reference]
        each = np.eye(len(names))
        weights = np.stack([each[names.index(name)] - each[names.index(reference)] for name in others])
        found = contrast(units, weights[:, :, None])
        level = joint_level(found, weights, CONFIDENCE, RESAMPLES, generator(0, 0, Stream.BOOTSTRAP))
        half = t.ppf(1 - level / 2, found.df) * np.sqrt(found.variance)
        rows = zip(found.value, found.value - half, found.value + half, strict=True)
        result[f"against {reference}"] = {
            name: [round(float(x), 5) for x in row] for name, row in zip(others, rows, strict=True)
        }
    return result


MEASURES = {"labels": labels, "ties": ties, "relabel": relabel}
REFERENCES = {
    "labels": ("1 majority none", "3 majority none", "5 majority none"),
    "ties": ("none",),
    "relabel": ("majority 0", "majority 1", "share 0", "share 1"),
}


if __name__ == "__main__":
    main()
