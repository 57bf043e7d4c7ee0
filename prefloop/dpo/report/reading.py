"""Reading guide of report.md."""

from __future__ import annotations

from prefloop.dpo.report.results import Comparison


def reading(comparison: Comparison) -> str:
    """Write the section that explains every column."""
    reference, first = comparison.reference, comparison.n_labels[0]
    covered = " and ".join(comparison.interval_covers) or "nothing (one seed, one test prompt)"
    over_seeds = (
        "Student's t over the seeds' paired differences" if len(comparison.seeds) > 1 else "not there for one seed"
    )
    return f"""## How to read this

- *Win rate*: share of test prompts on which the policy's completion beats the start model's, a tie counting one
  half; 0.5 is where all start. The *training oracle* gave the labels, so a policy may learn its habits; the
  *independent judge* never trains. Test prompts that some run has no verdict for are left out in all runs of that
  judge (here: {_left_out(comparison)}).
- *Labels to match {reference}*: where the best value so far of a policy's mean curve, from the first round on,
  reaches {reference}'s final mean value, by linear interpolation between rounds; below {first} labels nothing is
  seen, hence `≤ {first}`. The best value so far of a noisy curve lies too high, so this leans towards few labels.
- *Saved*: with f such that the policy's curve is {reference}'s run through f times as fast, *saved* is 1 − 1/f.
  Below zero the policy needs more labels. The interval holds every f that a test of the two curves does not
  reject; it excludes zero exactly where a verdict is given. A dash stands where the comparison cannot tell.
- *Difference over the curve*: area under a policy's curve from the first round on, divided by the range of labels
  (normalised AUC), minus {reference}'s. *Better* and *worse* mean that its interval excludes zero; the intervals
  of all policies hold together with {comparison.confidence:.0%}.
- *KL*: divergence of the policy from the start model, in nats per completion: that of the next token, summed along
  the policy's own completions at temperature 1, mean over them.
  *Win rate there*: of both policies where they have moved equally far: at {reference}'s final KL, or at the
  policy's largest where that is less, interpolated between rounds along the root of the KL. A policy that only
  moves more per label gains nothing there. *Distinct-n*: distinct n-grams of tokens divided by all of them.
- Intervals: {comparison.resamples} bootstrap replicates over {covered}, the same ones for all policies, so that
  differences are paired; with Student's tails, because seeds are few. Those of distinct-n: {over_seeds}.
- *Ties* cost a label and train nothing. *No answer* costs a call and no label: another comparison took its place.
  *Written* are completions for pairs, *sampled* those for entropies, *dropped* the prompts on which a policy only
  repeated itself. *DPO loss*: first and last step of the last round's training, nats. *Certainty*: mean difference
  of the implicit rewards of the labelled pairs; *agreement*: how often the implicit reward already agreed with the
  oracle; both from the second round on. All are means over seeds.
"""


def _left_out(comparison: Comparison) -> str:
    return ", ".join(
        f"{comparison.test_prompts - judged.prompts} of {comparison.test_prompts} ({judge})"
        for judge, judged in comparison.judges.items()
    )
