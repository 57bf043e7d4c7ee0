"""Both outcomes of retrained models: every policy's labels against the reference's, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config.shared import Compare
from prefloop.evaluation.metrics import DOWNSTREAM
from prefloop.report.comparison import COIN_TOSS, DataFacts, coin_tosses, contest_between
from prefloop.report.contest import Contest, decide
from prefloop.report.curves import Curves, curves_of, paired, paired_by_round
from prefloop.report.judged import Judged
from prefloop.report.outcome_results import Ablation, Outcome, OutcomeResult, Outcomes, Secondary
from prefloop.report.runs import Runs
from prefloop.report.tables import interval_columns, standard_errors

# Fixed in advance, whatever they say: the name in savings.json, and the score it is the mean of.
PRIMARY = {"reward_model": "accuracy", "policy": "proxy_score"}
_MEANS = DOWNSTREAM.of_role("detail")


def draw_outcomes(runs: Runs, judged: Judged, config: Compare) -> dict[str, Curves]:
    """Mean curves over the shares, with what varies in them, by score.

    Labels count from the initial ones, which all policies of a seed share; the first share has chosen ones too.
    """
    start = float(min(runs.n_labels[0], judged.n_labels[0]))
    return {
        name: curves_of(scores, judged.n_labels, start, config.confidence, DOWNSTREAM.bounds(name))
        for name, scores in judged.scores.items()
    }


def compare_outcomes(
    runs: Runs, judged: Judged, curves: Mapping[str, Curves], config: Compare, facts: DataFacts
) -> Outcomes:
    """Compare what each policy's labels bought with what the reference's did.

    Args:
        runs: the runs.
        judged: their retrained models.
        curves: the same, resampled.
        config: reference, resamples, confidence.
        facts: names the ablations.

    Returns:
        The block `outcomes` of savings.json.
    """
    contest = contest_between(runs, config, facts)
    test = runs.downstream.filter(pc.equal(runs.downstream["split"], "test"))
    floors = {"accuracy": COIN_TOSS["accuracy"], "proxy_score": test["uniform_score"][0].as_py()}
    blind = coin_tosses(judged.scores["accuracy"])
    primary = {
        name: _outcome(runs, contest, judged, curves[score], score, config, floors[score], blind)
        for name, score in PRIMARY.items()
        if score in curves
    }
    return Outcomes(
        shares=list(judged.shares),
        n_labels=judged.n_labels.tolist(),
        reward_model=primary["reward_model"],
        policy=primary.get("policy"),
        uniform_score=test["uniform_score"][0].as_py(),
        best_score=test["best_score"][0].as_py(),
        secondary={policy: _secondary(contest, policy, judged, curves, test) for policy in runs.policies},
        ablations=[_ablation(contest, *pair, curves) for pair in facts.ablations],
    )


def outcome_series(
    runs: Runs, judged: Judged, curves: Mapping[str, Curves], config: Compare, facts: DataFacts
) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Curves to draw: by outcome and policy, columns named as those of curves_mean.csv."""
    contest = contest_between(runs, config, facts)
    series: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, score in PRIMARY.items():
        if score not in curves:
            continue
        series[name] = {
            policy: {
                "n_labels": judged.n_labels,
                name: row @ curves[score].mean,
                f"{name}_stderr": standard_errors(judged.scores[score], row),
                **interval_columns({name: curves[score]}, row, contest.base[policy]),
            }
            for policy, row in contest.rows.items()
        }
    return series


def _outcome(
    runs: Runs,
    contest: Contest,
    judged: Judged,
    curves: Curves,
    score: str,
    config: Compare,
    floor: float | None,
    blind: bool,
) -> Outcome:
    decided = decide(contest, curves, config, len(runs.seeds), floor, blind, must_rise=True)
    return Outcome(
        prompts=judged.scores[score].prompts(),
        target=decided.conclusion.reference_rise.value,
        conclusion=decided.conclusion,
        policies={
            policy: OutcomeResult(
                **dict(decided.duels[policy]),
                by_share=paired_by_round(curves, contest.rows[policy], contest.base[policy]),
            )
            for policy in runs.policies
        },
    )


def _secondary(
    contest: Contest, policy: str, judged: Judged, curves: Mapping[str, Curves], test: pa.Table
) -> Secondary:
    policy_streams, base = contest.rows[policy], contest.base[policy]
    last = {
        name: paired(metric_curves, policy_streams, base, metric_curves.only(-1))
        for name, metric_curves in curves.items()
    }
    at_end = pc.and_(pc.equal(test["policy"], policy), pc.equal(test["share"], judged.shares[-1]))
    means = {name: pc.mean(test.filter(at_end)[name]).as_py() for name in _MEANS}
    return Secondary(
        log_likelihood=last["log_likelihood"],
        best_of_accuracy=last.get("best_of_accuracy"),
        best_of_regret=last.get("best_of_regret"),
        **means,
    )


def _ablation(contest: Contest, policy: str, control: str, curves: Mapping[str, Curves]) -> Ablation:
    rows = contest.rows[policy], contest.rows[control]
    return Ablation(
        policy=policy,
        control=control,
        outcomes={
            name: paired(curves[score], *rows, curves[score].only(-1))
            for name, score in PRIMARY.items()
            if score in curves
        },
    )
