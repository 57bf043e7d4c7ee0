"""Recorded campaigns: walked on pools with hidden answers, so that each round's true test score is known.

python -m benchmarks.recorded_campaigns --data DIR --out OUT [--sets ukp hh] [--seeds 0 4]

DIR holds the preference files of `benchmarks.published`. Each campaign is a file, OUT/SET/POLICY-SEED.safetensors,
which `benchmarks.stopping` and `benchmarks.audit` read; what is there is not made again. A round is one of a
campaign: its batch is chosen by the policy but for the audit slice, predicted by the model that has not seen it,
answered by the hidden answers, and all that is labelled so far trains the next model. Every model is judged on the
test pairs, whose prompts have no label, and on pairs of the pool that are set apart, whose prompts can have some.
Prints one JSON object: seconds by campaign.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.published import COMPARISONS, comparison_params, with_changes
from prefloop.campaign.audited import Audited
from prefloop.config import Params, load_params, packaged_params
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.evaluation.predictive import correctness, log_likelihoods, pair_logits
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.layout import Layout
from prefloop.labels.labelled import Labelled
from prefloop.labels.verdicts import TIE, A
from prefloop.oracle.answered import answered
from prefloop.oracle.answers import Answers
from prefloop.oracle.hidden import HiddenAnswers, hidden_of, load_hidden
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.bench import embed, neighbours, prepare
from prefloop.pool.evaluate import outside_predictions, pair_weights
from prefloop.pool.problem import Inputs, Problem, divided, load_inputs
from prefloop.pool.steps import blind_candidates, choose_batch, fit_round
from prefloop.reward.registry import UncertaintyModel

# A name behind + is the uncertainty model, where it is not the default one.
SETS = (
    *("example", "ukp", "hh", "ethics_rest", "summeval"),
    *("ukp+laplace", "hh+laplace", "ethics_rest+laplace", "summeval+laplace"),
)
POLICIES = ("thinned", "bal_pm")
# Pairs of the pool that are never asked about, at most: the true score of the pool, and the set on which published
# rules watch the models' predictions (whose answers those rules do not see).
_APART = 1000


@dataclass(frozen=True)
class Setting:
    """What all campaigns of a run share: labels of a batch and in all, and the share of the audit slice."""

    batch: int
    budget: int
    audit: float


# summeval has 84 prompts in its pool, too few for batches of 100; the generated example is small and quick.
USUAL = Setting(100, 1600, 0.2)
SETTINGS = {"summeval": Setting(60, 960, 0.2), "example": Setting(40, 400, 0.3)}


@dataclass(frozen=True)
class Recorded:
    """A recorded campaign as it is read again.

    Attributes:
        set, policy, seed: which.
        audit: its audit slice, with the hidden answers as votes.
        prompt_labels: int64, by audit pair: labels that its prompt had when it was predicted.
        n_labels: int64 [R], labelled pairs behind each model.
        apart: float64 [R, N], score of each pair that was set apart, by each model.
        apart_probability: float64 [R, N], what the model said of it.
        apart_prompt: int64 [N].
        test: float64 [R, T], score of each test pair.
        test_weight, test_prompt: [T], how much it counts under the target.
    """

    set: str
    policy: str
    seed: int
    audit: Audited
    prompt_labels: np.ndarray
    n_labels: np.ndarray
    apart: np.ndarray
    apart_probability: np.ndarray
    apart_prompt: np.ndarray
    test: np.ndarray
    test_weight: np.ndarray
    test_prompt: np.ndarray

    @property
    def data(self) -> str:
        """The data of the set, whatever the uncertainty model."""
        return self.set.partition("+")[0]

    @property
    def draw(self) -> str:
        """Data and seed: campaigns of one draw share slice and truth, whatever their policy and model."""
        return f"{self.data} {self.seed}"

    @property
    def truth(self) -> dict[str, np.ndarray]:
        """float64 [R] each: the true score of the pool's unseen pairs, and of those whose prompt has no label."""
        return {"pool": self.apart.mean(axis=1), "test": np.average(self.test, axis=1, weights=self.test_weight)}

    @classmethod
    def read(cls, path: Path) -> Recorded:
        """Read one file."""
        kept, _ = read_tensors(path)
        rows = np.flatnonzero(kept["is_audit"])
        policy, _, seed = path.stem.rpartition("-")
        votes = np.eye(3, dtype=np.int64)[kept["verdict"][rows]]
        audit = Audited(
            round=kept["round"][rows],
            n_labels=kept["n_labels"][rows],
            prompt=np.unique(kept["prompt"][rows], return_inverse=True)[1],
            probability=kept["probability"][rows],
            votes=votes,
            share=votes[:, A] + votes[:, TIE] / 2,
        )
        apart = kept["model_apart"].astype(np.float64)
        answers = np.eye(3)[kept["apart_verdict"]]
        right = (answers[:, A] + answers[:, TIE] / 2)[None]
        p = apart.clip(1e-7, 1 - 1e-7)
        return cls(
            path.parent.name,
            policy,
            int(seed),
            audit,
            prompt_labels=kept["prompt_labels"][rows],
            n_labels=kept["model_n_labels"],
            apart=right * np.log(p) + (1 - right) * np.log1p(-p),
            apart_probability=apart,
            apart_prompt=kept["apart_prompt"],
            test=kept["model_test_log_likelihood"].astype(np.float64),
            test_weight=kept["test_weight"],
            test_prompt=kept["test_prompt"],
        )


def read_all(out: Path) -> list[Recorded]:
    """All recorded campaigns, set by set."""
    return [Recorded.read(path) for path in sorted(out.glob("*/*.safetensors"))]


@dataclass
class _Record:
    """Columns of one campaign as they grow: one row an asked pair, and one row a trained model."""

    asked: dict[str, list[np.ndarray]] = field(default_factory=dict)
    models: dict[str, list[Any]] = field(default_factory=dict)

    def ask(self, **columns: np.ndarray) -> None:
        for name, values in columns.items():
            self.asked.setdefault(name, []).append(values)

    def judge(self, **values: Any) -> None:
        for name, value in values.items():
            self.models.setdefault(name, []).append(value)

    def write(self, path: Path, **further: np.ndarray) -> None:
        asked = {name: np.concatenate(parts) for name, parts in self.asked.items()}
        judged = {f"model_{name}": np.array(values) for name, values in self.models.items()}
        write_tensors(path, asked | judged | further, {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=[*SETS, *COMPARISONS], default=list(SETS))
    parser.add_argument("--policies", nargs="+", default=list(POLICIES))
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 4], help="the first, and one behind the last")
    options = parser.parse_args()
    seconds: dict[str, float] = {}
    for seed in range(*options.seeds):
        for name in options.sets:
            setting = SETTINGS.get(name.partition("+")[0], USUAL)
            seconds |= record_set(options.data, options.out, name, options.policies, seed, setting)
    print(json.dumps(seconds, indent=1))


def record_missing(data: Path, out: Path, seeds: int) -> None:
    """Record what the published figures rest on, so many seeds of it; what is there is left alone."""
    for seed in range(seeds):
        for name in SETS:
            record_set(data, out, name, POLICIES, seed, SETTINGS.get(name.partition("+")[0], USUAL))


def record_set(
    data: Path, out: Path, name: str, policies: Sequence[str], seed: int, setting: Setting
) -> dict[str, float]:
    """Record the missing campaigns of one data set and seed; gives the seconds of each."""
    seconds = {}
    missing = [p for p in policies if not (out / name / f"{p}-{seed}.safetensors").is_file()]
    if missing:
        params, layout = prepared(name, data, out)
        inputs = load_inputs(layout, params)
        stored = load_hidden(layout.prepared, inputs)
        for policy in missing:
            start, path = time.perf_counter(), out / name / f"{policy}-{seed}.safetensors"
            record_campaign(params, inputs, stored, policy, seed, setting, path)
            seconds[f"{name}/{policy}/{seed}"] = round(time.perf_counter() - start, 1)
    return seconds


def prepared(name: str, data: Path, out: Path) -> tuple[Params, Layout]:
    """Parameters of a data set and its prepared, embedded pool, made where it is missing."""
    base, _, kind = name.partition("+")
    if base == "example":
        params = load_params(packaged_params())
    else:
        params = comparison_params(COMPARISONS[base], data, out / base, {"seeds": 1, "jobs": 1})
    if kind:
        params = with_changes(params, (("reward.kind", kind),))
    layout = Layout.folder((out / base).resolve())
    if not layout.neighbours.is_dir():
        for step in (prepare, embed, neighbours):
            step(params, layout)
    return params, layout


def record_campaign(
    params: Params, inputs: Inputs, stored: Answers, policy: str, seed: int, setting: Setting, path: Path
) -> None:
    """Walk one campaign to its budget and write what it asked and how good its models were."""
    problem = divided(inputs, params.data, seed, answered(inputs.stored, stored))
    hidden = hidden_of(problem, stored)
    oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
    record, labelled, number = _Record(), Labelled.empty(), 0
    model = _fitted(params, problem, labelled, seed, number)
    apart = set_apart(problem, model, seed)
    while len(labelled.pairs) < setting.budget:
        chosen = params.policies[policy if model.trained else "thinned"]
        pairs, is_audit = next_pairs(problem, chosen, model, labelled.pairs, apart, seed, number, setting)
        if len(pairs) < setting.batch:
            break
        verdicts = oracle.verdicts(pairs.a, pairs.b)
        record.ask(**_asked(problem, model, labelled, pairs, verdicts, is_audit, number))
        labelled = labelled.join(pairs, verdicts)
        model = _fitted(params, problem, labelled, seed, number)
        record.judge(n_labels=len(labelled.pairs), n_decided=len(labelled.decided))
        record.judge(**_judged(problem, hidden, model, apart))
        number += 1
    test = hidden.evaluation["test"]
    record.write(
        path,
        test_prompt=test.prompt,
        test_weight=pair_weights(problem, test),
        apart_prompt=apart.prompt,
        apart_verdict=oracle.verdicts(apart.a, apart.b),
    )


def _fitted(params: Params, problem: Problem, labelled: Labelled, seed: int, number: int) -> UncertaintyModel:
    return fit_round(problem, params.reward, labelled, None, device="cpu", seed=seed, round_=number)


def set_apart(problem: Problem, model: UncertaintyModel, seed: int) -> Pairs:
    """Pairs of the pool, drawn as the audit slice is, that no batch will hold; at most a fifth of listed ones."""
    listed = len(problem.pool.prompt)
    wanted, apart = min(_APART, listed // 5) if listed else _APART, Pairs.empty()
    # A pool of responses offers one pair a prompt at a time.
    for turn in range(_APART):
        more = _audit(problem, model, apart, wanted - len(apart), seed + 1, 1000 + turn)
        apart = Pairs.join(apart, more)
        if len(apart) == wanted or not len(more):
            break
    return apart


def next_pairs(
    problem: Problem,
    policy: Policy,
    model: UncertaintyModel,
    labelled: Pairs,
    apart: Pairs,
    seed: int,
    number: int,
    setting: Setting,
) -> tuple[Pairs, np.ndarray]:
    """A batch: its audit slice, drawn at random under the target, and what the policy chooses of the rest."""
    n_audit = round(setting.audit * setting.batch)
    audit = _audit(problem, model, Pairs.join(labelled, apart), n_audit, seed, number)
    reserved = Pairs.join(apart, audit)
    offered = len(blind_candidates(problem.pool, policy.pairs, Pairs.join(labelled, reserved), seed))
    count = min(setting.batch - n_audit, offered)
    rest = choose_batch(problem, policy, model, labelled, reserved, count, seed=seed, round_=number).pairs
    return Pairs.join(audit, rest), np.arange(len(audit) + len(rest)) < n_audit


def _audit(problem: Problem, model: UncertaintyModel, taken: Pairs, n: int, seed: int, number: int) -> Pairs:
    """As `prefloop.campaign.audit` draws it, but of responses as many pairs a prompt as the policies take here."""
    pairs = {"rule": "auto", "per_prompt": "auto" if len(problem.pool.prompt) else "unlimited"}
    policy = Policy.model_validate({"pairs": pairs, "batch": {"policy": "random_prompts"}})
    count = min(n, len(blind_candidates(problem.pool, policy.pairs, taken, seed)))
    if not count:
        return Pairs.empty()
    return choose_batch(
        problem, policy, model, taken, Pairs.empty(), count, seed=seed + 10_000, round_=number
    ).pairs


def _asked(
    problem: Problem,
    model: UncertaintyModel,
    labelled: Labelled,
    pairs: Pairs,
    verdicts: np.ndarray,
    is_audit: np.ndarray,
    number: int,
) -> dict[str, np.ndarray]:
    count = len(pairs)
    before = np.bincount(labelled.pairs.prompt, minlength=len(problem.prepared.prompt_ids))
    return {
        "round": np.full(count, number),
        "is_audit": is_audit,
        "prompt": pairs.prompt,
        "verdict": verdicts,
        "probability": _probability(problem, model, pairs) if model.trained else np.full(count, np.nan),
        "n_labels": np.full(count, len(labelled.pairs)),
        "n_decided": np.full(count, len(labelled.decided)),
        "prompt_labels": before[pairs.prompt],
    }


def _probability(problem: Problem, model: UncertaintyModel, pairs: Pairs) -> np.ndarray:
    """Mean over members of the probability that a is better, float64 [n]."""
    rewards = model.rewards(problem.completions[np.concatenate([pairs.a, pairs.b])])
    count = len(pairs)
    p: np.ndarray = expit(pair_logits(rewards, np.arange(count), np.arange(count, 2 * count))).mean(axis=0)
    return p


def _judged(problem: Problem, hidden: HiddenAnswers, model: UncertaintyModel, apart: Pairs) -> dict[str, Any]:
    test, first = hidden.evaluation["test"], problem.prepared.completions_of("pool").stop
    logits = pair_logits(outside_predictions(problem, model), test.a - first, test.b - first)
    return {
        "test_log_likelihood": log_likelihoods(logits, test.y).astype(np.float32),
        "test_correct": correctness(expit(logits).mean(axis=0), test.y).astype(np.float32),
        "apart": _probability(problem, model, apart).astype(np.float32),
    }


if __name__ == "__main__":
    main()
