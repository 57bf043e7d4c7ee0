"""report.md: how to read it."""

from __future__ import annotations

from prefloop.report.results import Savings


def reading(savings: Savings) -> str:
    """Write the section that explains every number of the page."""
    covered = " and ".join(savings.interval_covers) or "nothing (one seed, one test prompt)"
    return f"""## How to read this

- *Primary outcome*: test log-likelihood over the whole curve. *Log-likelihood*: mean log-probability, in nats,
  that the reward ensemble gives to the preferred answer of a test pair; higher is better, −0.693 is a coin toss.
  Ties among the test pairs are left out. *Normalised AUC*: area under the curve divided by the range of labels.
- *Verdict*: better or worse where the interval of the difference of normalised AUCs excludes zero; the intervals
  of all policies against all baselines hold together with {savings.confidence:.0%}.
- *Labels saved* is fitted: with f such that the policy's whole curve is the baseline's run through f times as
  fast, after the first {savings.n_labels[0]} labels, it is 1 − 1/f of the labels after these. Below zero the
  policy needs more labels. The interval holds every f that a test of the two curves does not reject; it excludes
  zero exactly where a verdict is given. `>` and `<`: the data end there. A dash stands where the comparison cannot
  tell, also where the interval is all that the data could show.
- *Labels to match {savings.reference}* is the secondary way to say it: where the best value so far of a policy's
  mean curve reaches {savings.reference}'s final mean value, by linear interpolation between rounds. The best value
  so far of a noisy curve lies too high, so this number leans towards few labels: do not quote it as a saving.
- {savings.reference} is the mean of {len(savings.streams)} random stream(s): {", ".join(savings.streams)}.
- Intervals: two-way variance over {covered}, Student's t; of one number each where no verdict's.
  They end at the bounds of what they are about: a difference of accuracies at −1 and 1, a share at 0 and 1.
- *Ties*: labels that said "tie", mean over seeds. Each costs a label and trains nothing.
"""
