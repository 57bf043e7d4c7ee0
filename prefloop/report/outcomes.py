"""Both primary outcomes: every policy's labels against the reference's, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config.model import Compare
from prefloop.report.bootstrap import PromptSums
from prefloop.report.comparison import DataFacts
from prefloop.report.curves import Curves, draw, matching, paired, paired_by_round, rise, told_apart, verdict
from prefloop.report.judged import Judged
from prefloop.report.outcome_results import Ablation, Outcome, OutcomeResult, Outcomes, Secondary
from prefloop.report.runs import Runs
from prefloop.report.tables import interval_columns

# Fixed in advance, whatever they say: the name in savings.json, and the score it is the mean of.
PRIMARY = {"reward_model": "accuracy", "policy": "proxy_score"}
_MEANS = ("ece", "ece_floor", "accuracy_small_gap", "accuracy_medium_gap", "accuracy_large_gap")


def resample_outcomes(judged: Judged, config: Compare) -> dict[str, Curves]:
    """Mean curves over the shares, with replicates, by score."""
    return {name: draw(sums, config) for name, sums in judged.scores.items()}


def compare_outcomes(
    runs: Runs, judged: Judged, curves: Mapping[str, Curves], config: Compare, facts: DataFacts
) -> Outcomes:
    """Compare what each policy's labels bought with what the reference's did.

    Args:
        runs: the runs.
        judged: their fresh models.
        curves: the same, resampled.
        config: reference, resamples, confidence.
        facts: names the ablations.

    Returns:
        The block `outcomes` of savings.json.
    """
    primary = {
        name: _outcome(runs, judged.scores[score], curves[score], judged.n_labels, config)
        for name, score in PRIMARY.items()
        if score in curves
    }
    test = runs.assessment.filter(pc.equal(runs.assessment["split"], "test"))
    return Outcomes(
        shares=list(judged.shares),
        n_labels=judged.n_labels.tolist(),
        reward_model=primary["reward_model"],
        policy=primary.get("policy"),
        uniform_score=test["uniform_score"][0].as_py(),
        best_score=test["best_score"][0].as_py(),
        secondary={policy: _secondary(runs, policy, judged, curves, test, config) for policy in runs.policies},
        ablations=[_ablation(runs, *pair, curves, config.confidence) for pair in facts.ablations],
    )


def outcome_series(
    runs: Runs, judged: Judged, curves: Mapping[str, Curves], config: Compare
) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Curves to draw: by primary outcome and policy, columns named as those of curves_mean.csv."""
    reference = runs.policies.index(config.reference)
    series: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name, score in PRIMARY.items():
        if score not in curves:
            continue
        of_seeds = judged.scores[score].per_seed()
        count = len(runs.seeds)
        errors = of_seeds.std(axis=1, ddof=1) / count**0.5 if count > 1 else np.full_like(of_seeds[:, 0], np.nan)
        series[name] = {
            policy: {
                "n_labels": judged.n_labels,
                name: curves[score].mean[row],
                f"{name}_stderr": errors[row],
                **interval_columns({name: curves[score]}, row, reference, config.confidence),
            }
            for row, policy in enumerate(runs.policies)
        }
    return series


def _outcome(runs: Runs, scores: PromptSums, curves: Curves, n_labels: np.ndarray, config: Compare) -> Outcome:
    reference = runs.policies.index(config.reference)
    gain = rise(curves, reference, config.confidence)
    return Outcome(
        prompts=len(scores.pairs),
        target=gain.value,
        reference_gain=gain if len(n_labels) > 1 else None,
        policies={
            policy: _result(curves, row, reference, n_labels, config.confidence)
            for row, policy in enumerate(runs.policies)
        },
    )


def _result(curves: Curves, row: int, reference: int, n_labels: np.ndarray, confidence: float) -> OutcomeResult:
    area = paired(curves.heights(n_labels), row, reference, confidence)
    by_share = paired_by_round(curves, row, reference, confidence)
    needed = matching(curves, row, reference, n_labels, confidence, told_apart(area))
    return OutcomeResult(
        **needed.model_dump(),
        by_share=by_share,
        area=area,
        verdict="reference" if row == reference else verdict(by_share[-1]),
    )


def _secondary(
    runs: Runs, policy: str, judged: Judged, curves: Mapping[str, Curves], test: pa.Table, config: Compare
) -> Secondary:
    row, reference = runs.policies.index(policy), runs.policies.index(config.reference)
    last = {name: paired(of.last(), row, reference, config.confidence) for name, of in curves.items()}
    at_end = pc.and_(pc.equal(test["policy"], policy), pc.equal(test["share"], judged.shares[-1]))
    means = {name: pc.mean(test.filter(at_end)[name]).as_py() for name in _MEANS}
    return Secondary(
        log_likelihood=last["log_likelihood"],
        best_of_accuracy=last.get("best_of_accuracy"),
        best_of_regret=last.get("best_of_regret"),
        **means,
    )


def _ablation(runs: Runs, policy: str, control: str, curves: Mapping[str, Curves], confidence: float) -> Ablation:
    rows = runs.policies.index(policy), runs.policies.index(control)
    return Ablation(
        policy=policy,
        control=control,
        outcomes={
            name: paired(curves[score].last(), *rows, confidence)
            for name, score in PRIMARY.items()
            if score in curves
        },
    )
