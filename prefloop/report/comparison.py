"""The comparison itself: every policy against the pooled random and the best that needs no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow.compute as pc

from prefloop.config.shared import Compare
from prefloop.evaluation.metrics import METRICS
from prefloop.report.choices import compare_choices
from prefloop.report.contest import Contest, Outcome, contest_of, decide
from prefloop.report.curves import Curves, covered, curves_of, paired
from prefloop.report.finding import Question, find, wanted_seeds
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import PolicyResult, Savings, SplitSize, View
from prefloop.report.runs import Runs, SplitScores
from prefloop.report.scores import Scores
from prefloop.report.wording import TARGETS

# Least and largest value of each metric, and what a coin toss gives.
BOUNDS = {metric: METRICS.bounds(metric) for metric in ("log_likelihood", "accuracy")}
COIN_TOSS = {"log_likelihood": -np.log(2), "accuracy": 0.5}
# The one primary outcome: every verdict of the report, its answer and its advice go by it.
PRIMARY_OUTCOME = "test log-likelihood over the whole curve"


@dataclass(frozen=True)
class DataFacts:
    """What was compared on, and what sort of policies were compared.

    Attributes:
        dataset: name of the data.
        target: the declared target, `data.target`.
        splits: size of each split.
        largest: number of the prompt with the most pairs in all the data; None without pairs.
        model_free: policies that choose without a model.
        oracle_upper_bounds: policies that read the judge's scores before they choose.
        ablations: (policy, the same policy without its uncertainty).
    """

    dataset: str
    target: Literal["prompts", "pairs", "file"]
    splits: dict[str, SplitSize]
    largest: int | None
    model_free: frozenset[str]
    oracle_upper_bounds: frozenset[str]
    ablations: tuple[tuple[str, str], ...]


def contest_between(runs: Runs, config: Compare, facts: DataFacts) -> Contest:
    """Who of these runs is compared with whom."""
    return contest_of(runs.policies, config.reference, facts.model_free)


def draw(runs: Runs, scores: Mapping[str, SplitScores], config: Compare) -> dict[str, dict[str, Curves]]:
    """Mean curves with what varies in them, by split and metric."""
    return {
        split: {metric: _curves(runs, getattr(split_scores, metric), metric, config) for metric in BOUNDS}
        for split, split_scores in scores.items()
    }


def compare_runs(
    runs: Runs,
    scores: Mapping[str, SplitScores],
    curves: dict[str, dict[str, Curves]],
    outcomes: Outcomes | None,
    config: Compare,
    facts: DataFacts,
) -> Savings:
    """Compare every policy with its baselines, on the test split and on ood.

    Args:
        runs: the runs.
        scores: scores by split, "test" among them.
        curves: of the same.
        outcomes: what retrained models made of the labels.
        config: reference, seeds needed, replicates, confidence.
        facts: about the data and the policies.

    Returns:
        The content of savings.json.
    """
    contest = contest_between(runs, config, facts)
    decided = {
        split: decide(
            contest,
            curves[split]["log_likelihood"],
            config,
            len(runs.seeds),
            float(COIN_TOSS["log_likelihood"]),
            coin_tosses(split_scores.accuracy),
            must_rise=True,
        )
        for split, split_scores in scores.items()
    }
    test = decided["test"].conclusion
    runnable = {
        name: duel
        for name, duel in decided["test"].duels.items()
        if name not in config.reference and name not in facts.oracle_upper_bounds
    }
    question = Question(
        outcome=PRIMARY_OUTCOME,
        target=TARGETS[facts.target],
        reference=contest.reference,
        model_free=facts.model_free,
        seeds=len(runs.seeds),
        min_seeds=config.min_seeds,
        worthwhile=config.worthwhile,
    )
    joint = curves["test"]["log_likelihood"].at_level(test.level)
    views = _views(runs, scores["test"].log_likelihood, config, facts)
    return Savings(
        dataset=facts.dataset,
        data_target=facts.target,
        splits=facts.splits,
        evaluated={split: split_scores.accuracy.pairs() for split, split_scores in scores.items()},
        reference=contest.reference,
        streams=[name for name in runs.policies if name in config.reference],
        seeds=list(runs.seeds),
        n_labels=runs.n_labels.tolist(),
        n_val_labels=runs.n_val_labels,
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=covered(len(runs.seeds), scores["test"].accuracy.prompts()),
        target=test.reference_rise.value,
        reference_gain=test.reference_rise,
        conclusive=test.conclusive,
        reasons=test.reasons,
        conclusions={split: outcome.conclusion for split, outcome in decided.items()},
        finding=find(question, test, runnable, wanted_seeds(contest, joint, runnable, question)),
        policies={
            policy: _result(runs, contest, curves, decided, views, policy, config, facts)
            for policy in runs.policies
        },
        outcomes=outcomes,
        choices=compare_choices(runs, config.confidence),
        note=None,
    )


def coin_tosses(accuracy: Scores) -> bool:
    """Whether every prediction of every run is a coin toss, as where features do not differ."""
    return all(bool((seed.by_prompt() == 0.5).all()) for seed in accuracy.seeds)


def _curves(runs: Runs, scores: Scores, metric: str, config: Compare) -> Curves:
    return curves_of(scores, runs.n_labels, float(runs.n_labels[0]), config.confidence, BOUNDS[metric])


def _views(runs: Runs, scores: Scores, config: Compare, facts: DataFacts) -> dict[str, Curves | None]:
    weighted = {
        "prompts": scores.weighted("prompts"),
        "pairs": scores.weighted("pairs"),
        "largest": scores.weighted("largest", facts.largest),
    }
    return {
        view: None if weighted_scores is None else _curves(runs, weighted_scores, "log_likelihood", config)
        for view, weighted_scores in weighted.items()
    }


def _result(
    runs: Runs,
    contest: Contest,
    curves: dict[str, dict[str, Curves]],
    decided: dict[str, Outcome],
    views: dict[str, Curves | None],
    policy: str,
    config: Compare,
    facts: DataFacts,
) -> PolicyResult:
    policy_streams, base = contest.rows[policy], contest.base[policy]
    test = decided["test"].duels[policy]
    return PolicyResult(
        area=test.area,
        against_random=test.against_random,
        against_best=test.against_best,
        ood=decided["ood"].duels[policy] if "ood" in decided else None,
        final={
            split: {
                metric: paired(metric_curves, policy_streams, base, metric_curves.only(-1))
                for metric, metric_curves in metrics.items()
            }
            for split, metrics in curves.items()
        },
        views={
            view: None
            if view_curves is None
            else _view(view_curves, policy_streams, base, decided["test"].conclusion.level)
            for view, view_curves in views.items()
        },
        control=policy in config.reference and policy != contest.reference,
        model_free=policy == contest.reference or policy in facts.model_free,
        oracle_upper_bound=policy in facts.oracle_upper_bounds,
        ties=_at_the_end(runs, policy, "n_ties"),
        prompts=_at_the_end(runs, policy, "n_prompts"),
    )


def _view(curves: Curves, policy_streams: np.ndarray, base: np.ndarray, level: float) -> View:
    return View(
        area=paired(curves.at_level(level), policy_streams, base, curves.auc_weights),
        final=paired(curves, policy_streams, base, curves.only(-1)),
    )


def _at_the_end(runs: Runs, policy: str, column: str) -> float:
    rounds = runs.rounds
    last = pc.equal(rounds["round"], pc.max(rounds["round"]))
    rows = rounds.filter(pc.and_(last, pc.equal(rounds["policy"], policy)))
    return float(np.mean(rows[column].to_numpy()))
