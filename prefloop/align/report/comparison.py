"""The comparison itself: every policy against the reference, with paired intervals."""

from __future__ import annotations

import numpy as np

from prefloop.align.report.equal_kl import at_equal_kl
from prefloop.align.report.facts import Facts
from prefloop.align.report.outcomes import JUDGES, Resampled
from prefloop.align.report.results import Comparison, Costs, Judge, PolicyResult, SeedMean, WinRate
from prefloop.align.report.runs import AlignRuns
from prefloop.config.model import Compare
from prefloop.report.choices import estimate
from prefloop.report.curves import matching, paired, paired_by_round, rise, told_apart, verdict
from prefloop.report.numbers import Difference


def compare_runs(runs: AlignRuns, resampled: Resampled, config: Compare, facts: Facts) -> Comparison:
    """Compare every policy with the reference, from the first round on.

    Args:
        runs: the runs.
        resampled: their outcomes.
        config: reference, resamples, confidence.
        facts: what was compared.

    Returns:
        The content of comparison.json.
    """
    reference = runs.policies.index(config.reference)
    names = {"oracle": facts.oracle, "judge": facts.judge}
    prompts = runs.scores["kl"].shape[-1]
    covered = {"seeds": len(runs.seeds), "test prompts": prompts}
    return Comparison(
        dataset=facts.dataset,
        start=facts.start,
        reference=config.reference,
        seeds=list(runs.seeds),
        n_labels=runs.n_labels[1:].tolist(),
        test_prompts=prompts,
        judges={
            judge: Judge(
                name=names[judge],
                prompts=resampled.prompts[score],
                reference_rise=rise(resampled.curves[score].since(1), reference, config.confidence),
            )
            for judge, score in JUDGES.items()
            if score in resampled.curves
        },
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=[source for source, count in covered.items() if count > 1],
        policies={
            policy: PolicyResult(
                wins={
                    judge: _win_rate(runs, resampled, score, row, reference, config.confidence)
                    for judge, score in JUDGES.items()
                    if score in resampled.curves
                },
                kl=_moved(resampled, "kl", row, reference, config.confidence),
                length=_moved(resampled, "length", row, reference, config.confidence),
                distinct_1=_distinct(runs, "distinct_1", row, reference, config.confidence),
                distinct_2=_distinct(runs, "distinct_2", row, reference, config.confidence),
                costs=_costs(runs, row),
                control=policy in facts.controls,
            )
            for row, policy in enumerate(runs.policies)
        },
    )


def _win_rate(
    runs: AlignRuns, resampled: Resampled, score: str, row: int, reference: int, confidence: float
) -> WinRate:
    # Round 0 takes part in nothing but the path over the KL divergence: without labels, a lucky start
    # model would match the reference with none.
    curves, labels = resampled.curves[score].since(1), runs.n_labels[1:]
    area = paired(curves.heights(labels), row, reference, confidence)
    needed = matching(curves, row, reference, labels, confidence, told_apart(area))
    return WinRate(
        **needed.model_dump(),
        by_round=paired_by_round(curves, row, reference, confidence),
        area=area,
        verdict="reference" if row == reference else verdict(area),
        equal_kl=at_equal_kl(
            resampled.curves[score], resampled.kl_where_judged[score], row, reference, confidence
        ),
    )


def _moved(resampled: Resampled, name: str, row: int, reference: int, confidence: float) -> list[Difference]:
    return paired_by_round(resampled.curves[name].since(1), row, reference, confidence)


def _distinct(runs: AlignRuns, name: str, row: int, reference: int, confidence: float) -> list[SeedMean]:
    return seed_means(runs.column(name)[..., 1:], row, reference, confidence)


def seed_means(values: np.ndarray, row: int, reference: int, confidence: float) -> list[SeedMean]:
    """One number per seed and round: means over seeds, and paired differences from the reference's.

    Args:
        values: float64 [P, S, R].
        row, reference: which policy, against which.
        confidence: coverage of Student's interval over seeds.
    """
    found = []
    for own, base in zip(values[row].T, values[reference].T, strict=True):
        difference = estimate(own - base, confidence)
        if difference is not None:  # there is at least one seed
            found.append(SeedMean(value=float(own.mean()), difference=difference))
    return found


def _costs(runs: AlignRuns, row: int) -> Costs:
    def at_end(name: str) -> float:
        return float(runs.column(name)[row, :, -1].mean())

    def in_all(name: str) -> float:
        return float(runs.column(name)[row].sum(axis=-1).mean())

    def mean(name: str, rounds: slice) -> float | None:
        values = runs.column(name)[row, :, rounds]
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else None

    last = slice(-1, None)
    later = slice(2, None)  # the first round's policy is the reference, which is sure of nothing

    return Costs(
        ties=at_end("n_ties"),
        no_answer=at_end("n_no_answer"),
        calls=at_end("n_calls"),
        tokens=at_end("n_tokens"),
        eval_calls=in_all("eval_calls"),
        eval_tokens=in_all("eval_tokens"),
        written=in_all("written"),
        sampled=in_all("sampled"),
        dropped=in_all("dropped"),
        loss_first=mean("loss_first", last),
        loss_last=mean("loss_last", last),
        certainty=mean("certainty", later),
        agreement=mean("agreement", later),
    )
