"""Comparison of every policy with the reference, with paired intervals."""

from __future__ import annotations

import numpy as np

from prefloop.config.shared import Compare
from prefloop.dpo.report.equal_kl import at_equal_kl
from prefloop.dpo.report.outcomes import JUDGES, Resampled
from prefloop.dpo.report.results import Comparison, Costs, Judge, PolicyResult, SeedMean, WinRate
from prefloop.dpo.report.run_facts import Facts
from prefloop.dpo.report.runs import DpoRuns
from prefloop.report.answer import Finding
from prefloop.report.choices import estimate
from prefloop.report.contest import Contest, Outcome, contest_of, decide
from prefloop.report.curves import covered, paired_by_round
from prefloop.report.finding import Question, find, wanted_seeds
from prefloop.report.numbers import Difference

# Where every policy's win rate against the start model begins.
_START = 0.5
# The one primary outcome: the answer, the advice and every verdict go by it.
PRIMARY_OUTCOME = "win rate over the start model by the training oracle, over the whole curve"
# Least and largest difference of two shares.
_OF_SHARES = (-1.0, 1.0)


def compare_runs(runs: DpoRuns, resampled: Resampled, config: Compare, facts: Facts) -> Comparison:
    """Compare every policy with the reference, from the first round on.

    Args:
        runs: the runs.
        resampled: their outcomes.
        config: reference, resamples, confidence.
        facts: what was compared.

    Returns:
        The content of comparison.json.
    """
    contest = contest_of(runs.policies, config.reference, frozenset())
    names = {"oracle": facts.oracle, "judge": facts.judge}
    prompts = runs.scores["kl"].shape[-1]
    decided = {
        judge: decide(contest, resampled.later[score], config, len(runs.seeds), _START, False, must_rise=False)
        for judge, score in JUDGES.items()
        if score in resampled.later
    }
    question = Question(
        outcome=PRIMARY_OUTCOME,
        target="",
        reference=contest.reference,
        model_free=frozenset(),
        seeds=len(runs.seeds),
        min_seeds=config.min_seeds,
        worthwhile=config.worthwhile,
    )
    return Comparison(
        dataset=facts.dataset,
        start=facts.start,
        reference=contest.reference,
        seeds=list(runs.seeds),
        n_labels=runs.n_labels[1:].tolist(),
        test_prompts=prompts,
        judges={
            judge: Judge(
                name=names[judge], prompts=resampled.prompts[JUDGES[judge]], conclusion=outcome.conclusion
            )
            for judge, outcome in decided.items()
        },
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=covered(len(runs.seeds), prompts),
        finding=_finding(contest, resampled, decided["oracle"], question, facts),
        policies={
            policy: PolicyResult(
                wins={
                    judge: _win_rate(contest, resampled, JUDGES[judge], outcome, policy, config.confidence)
                    for judge, outcome in decided.items()
                },
                kl=_moved(contest, resampled, "kl", policy),
                length=_moved(contest, resampled, "length", policy),
                distinct_1=_distinct(runs, contest, "distinct_1", policy, config.confidence),
                distinct_2=_distinct(runs, contest, "distinct_2", policy, config.confidence),
                costs=_costs(runs, row),
                control=policy in facts.controls,
            )
            for row, policy in enumerate(runs.policies)
        },
    )


def _finding(
    contest: Contest, resampled: Resampled, decided: Outcome, question: Question, facts: Facts
) -> Finding:
    left_out = {contest.reference, *facts.controls}
    duels = {name: duel for name, duel in decided.duels.items() if name not in left_out}
    joint = resampled.later[JUDGES["oracle"]].at_level(decided.conclusion.level)
    return find(question, decided.conclusion, duels, wanted_seeds(contest, joint, duels, question))


def _win_rate(
    contest: Contest, resampled: Resampled, score: str, decided: Outcome, policy: str, confidence: float
) -> WinRate:
    # Round 0 takes part in nothing but the path over the KL divergence: without labels, a lucky start
    # model would match the reference with none.
    weights, base = contest.rows[policy], contest.base[policy]
    return WinRate(
        **dict(decided.duels[policy]),
        by_round=paired_by_round(resampled.later[score], weights, base),
        equal_kl=at_equal_kl(resampled.paths[score], resampled.kl_where_judged[score], weights, base, confidence),
    )


def _moved(contest: Contest, resampled: Resampled, name: str, policy: str) -> list[Difference]:
    return paired_by_round(resampled.later[name], contest.rows[policy], contest.base[policy])


def _distinct(runs: DpoRuns, contest: Contest, name: str, policy: str, confidence: float) -> list[SeedMean]:
    return seed_means(runs.column(name)[..., 1:], contest.rows[policy], contest.base[policy], confidence)


def seed_means(values: np.ndarray, weights: np.ndarray, base: np.ndarray, confidence: float) -> list[SeedMean]:
    """One share per seed and round: means over seeds, and paired differences from the reference's.

    Args:
        values: float64 [P, S, R].
        weights, base: float64 [P], which streams are averaged for the policy and for the reference.
        confidence: coverage of Student's interval over seeds.
    """
    means = []
    policy, reference = (np.tensordot(streams, values, 1).T for streams in (weights, base))
    for of_policy, of_reference in zip(policy, reference, strict=True):
        difference = estimate(of_policy - of_reference, confidence, _OF_SHARES)
        if difference is not None:  # there is at least one seed
            means.append(SeedMean(value=float(of_policy.mean()), difference=difference))
    return means


def _costs(runs: DpoRuns, row: int) -> Costs:
    def at_end(name: str) -> float:
        return float(runs.column(name)[row, :, -1].mean())

    def in_all(name: str) -> float:
        return float(runs.column(name)[row].sum(axis=-1).mean())

    def mean(name: str, rounds: slice) -> float | None:
        values = runs.column(name)[row, :, rounds]
        present = values[~np.isnan(values)]
        return float(present.mean()) if len(present) else None

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
