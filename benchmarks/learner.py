"""Ways to stop the ensemble's members early, and to weigh labels, on the same random labels, over several splits.

python -m benchmarks.learner --data DIR --sets ukp hh [--splits 8] [--labels 160 800 0] [--target pairs] > FILE
python -m benchmarks.learner --read FILE [--against prompts]

DIR/SET holds `prepared`, `features` and `neighbours` as the stages write them, or as `prefloop bench` leaves them.
Split s is the division of seed s; of its pool's decided pairs in random order the first 160, 800, ... are the
labels (0: all of them). One JSON object a line: the test metrics of one fit, without a temperature, and the
log-likelihood and calibration error with the one that its held-out pairs give. `--read` prints one JSON object:
means and standard errors over splits, and differences from hold-out by pairs, or another variant, within splits.
Variants `N steps` hold nothing out, as where all labels are of one prompt, and train that long. Variants `balance`
hold out by prompts and weigh labels for the target; all others count labels alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prefloop.config import Params, load_params, packaged_params
from prefloop.config.model import Reward
from prefloop.data.pairs import Pairs
from prefloop.io.layout import Layout
from prefloop.labels.labelled import Labelled
from prefloop.labels.verdicts import TIE, majority
from prefloop.oracle.answers import Answers
from prefloop.oracle.hidden import HiddenAnswers, hidden_of, load_hidden
from prefloop.pool.evaluate import outside_predictions, split_metrics
from prefloop.pool.problem import Inputs, Problem, divided, load_inputs
from prefloop.pool.steps import fit_round
from prefloop.reward.fitted import FittedEnsemble
from prefloop.rng import Stream, generator

VARIANTS: dict[str, dict[str, Any]] = {
    "pairs": {"holdout_by": "pairs", "refit": False},
    "prompts": {"holdout_by": "prompts", "refit": False},
    "prompts, refit": {"holdout_by": "prompts", "refit": True},
    "laplace": {},
    "anchored": {},
    "balance 0.5": {},
    "balance 1": {},
    "anchored, balance 0.5": {},
    "laplace, balance 0.5": {},
    **{f"look {steps}": {"look_every": steps} for steps in (8, 16, 32)},
    **{f"{steps} steps": {"lone_steps": steps} for steps in (25, 50, 100, 200)},
    "one look an epoch": {"look_every": 100_000},
}
KINDS = {"laplace": "laplace", "anchored": "anchored_ensemble"}
BALANCE = {"balance 0.5": 0.5, "balance 1": 1.0}
COMPARED = ["pairs", "prompts", "prompts, refit", "laplace"]
METRICS = ("log_likelihood", "accuracy", "ece")
COOLED = "log_likelihood, temperature", "ece, temperature"


def reward_of(params: Params, variant: str) -> Reward:
    """The section `reward` of a variant; a temperature is fitted, to be taken off again."""
    first, _, last = variant.rpartition(", ")
    balance = {"balance": BALANCE.get(last, 0.0)}
    if (kind := KINDS.get(first or last)) is not None:
        return params.reward.model_copy(update={"kind": kind} | balance)
    changes = VARIANTS[variant] | {"temperature": "held_out"}
    mlp = params.reward.mlp_ensemble.model_copy(update=changes)
    return params.reward.model_copy(update={"kind": "mlp_ensemble", "mlp_ensemble": mlp} | balance)


def in_random_order(problem: Problem, hidden: HiddenAnswers, split: int) -> Labelled:
    """All decided pairs of the pool with their verdicts; any first part of them is a random choice."""
    rows = problem.prepared.pairs_of("pool")
    verdicts = majority(hidden.answers.votes[rows])
    decided = generator(split, 0, Stream.INITIAL).permutation(np.flatnonzero(verdicts != TIE))
    tables, chosen = problem.prepared, rows.start + decided
    pairs = Pairs(tables.pair_a[chosen], tables.pair_b[chosen], tables.pair_prompt[chosen])
    return Labelled(pairs, verdicts[decided])


class OfOnePrompt(Labelled):
    """Labels none of which can be held out: the model treats them as those of one prompt."""

    def groups(self, text: np.ndarray) -> np.ndarray:
        """int64 [n], all 0."""
        return np.zeros(len(self.decided), dtype=np.int64)


def score(
    problem: Problem, hidden: HiddenAnswers, reward: Reward, labelled: Labelled, split: int
) -> dict[str, Any]:
    """Test metrics of one fit, of the ensemble as trained and with its temperature."""
    start = time.perf_counter()
    model = fit_round(problem, reward, labelled, None, device="cpu", seed=split, round_=0)
    facts: dict[str, Any] = {"seconds": time.perf_counter() - start}
    cooled = model
    if isinstance(model, FittedEnsemble):
        facts |= {"epochs": model.epochs.tolist(), "temperature": model.temperature}
        model = dataclasses.replace(model, temperature=1.0)
    plain, other = (
        split_metrics(problem, outside_predictions(problem, one), hidden.evaluation)["test"]
        for one in (model, cooled)
    )
    facts |= {name: plain[name] for name in METRICS}
    return facts | dict(zip(COOLED, (other["log_likelihood"], other["ece"]), strict=True))


def measure(params: Params, inputs: Inputs, answers: Answers, arguments: argparse.Namespace, name: str) -> None:
    for split in range(arguments.splits):
        problem = divided(inputs, params.data, split)
        hidden = hidden_of(problem, answers)
        everything = in_random_order(problem, hidden, split)
        for labels in arguments.labels:
            count = labels or len(everything.verdicts)
            if count > len(everything.verdicts):
                continue
            bought = Labelled(everything.pairs.take(np.arange(count)), everything.verdicts[:count])
            sizes = np.bincount(bought.groups(problem.prepared.text))
            about = {"set": name, "split": split, "labels": labels or "all", "count": count}
            about |= {"target": params.data.target}
            about |= {"groups": len(sizes), "largest_group": float(sizes.max() / count)}
            for variant in arguments.variants:
                kind = OfOnePrompt if "lone_steps" in VARIANTS[variant] else Labelled
                labelled = kind(bought.pairs, bought.verdicts)
                found = score(problem, hidden, reward_of(params, variant), labelled, split)
                print(json.dumps(about | {"variant": variant} | found), flush=True)


def summary(lines: list[dict[str, Any]], reference: str) -> list[dict[str, Any]]:
    """Means over splits, their standard errors, and differences from the reference within splits."""
    cells: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = defaultdict(dict)
    for line in lines:
        cells[line["set"], line["target"], line["labels"], line["variant"]][line["split"]] = line
    rows = []
    for (name, target, labels, variant), by_split in cells.items():
        found = list(by_split.values())
        row = {"set": name, "target": target, "labels": labels, "variant": variant, "splits": len(found)}
        for metric in (*METRICS, *COOLED):
            row[metric] = _mean([one[metric] for one in found])
        base = cells.get((name, target, labels, reference), {})
        both = sorted(base.keys() & by_split.keys())
        if variant != reference and both:
            row["difference"] = _mean([by_split[s][METRICS[0]] - base[s][METRICS[0]] for s in both])
        for fact in ("groups", "largest_group", "seconds", "epochs", "temperature"):
            values = [np.mean(one[fact]) for one in found if fact in one]
            row |= {fact: round(float(np.mean(values)), 3)} if values else {}
        rows.append(row)
    return rows


def _mean(values: list[float]) -> list[float]:
    """Mean and standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return [round(float(np.mean(values)), 4), round(float(error), 4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", default=[])
    parser.add_argument("--splits", type=int, default=8)
    parser.add_argument("--labels", type=int, nargs="+", default=[160, 800, 1920])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=COMPARED)
    parser.add_argument("--read", type=Path, nargs="+", help="Files of lines to sum up instead of measuring.")
    parser.add_argument(
        "--against", choices=VARIANTS, default="pairs", help="The variant of --read's differences."
    )
    parser.add_argument("--target", choices=["prompts", "pairs"], default="prompts")
    arguments = parser.parse_args()
    if arguments.read:
        lines = [json.loads(line) for file in arguments.read for line in file.read_text().splitlines()]
        print(json.dumps(summary(lines, arguments.against), indent=1))
        return
    torch.set_num_threads(1)
    params = load_params(packaged_params())
    params = params.model_copy(update={"data": params.data.model_copy(update={"target": arguments.target})})
    for name in arguments.sets:
        layout = Layout.folder(arguments.data / name)
        inputs = load_inputs(layout, params)
        measure(params, inputs, load_hidden(layout.prepared, inputs), arguments, name)


if __name__ == "__main__":
    main()
