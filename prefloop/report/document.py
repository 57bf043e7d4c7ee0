"""report.md: the comparison as a page to read."""

from __future__ import annotations

from collections.abc import Iterable

from prefloop.report.choices_page import choices_page
from prefloop.report.curves import told_apart
from prefloop.report.markdown import picture, table
from prefloop.report.outcomes_page import outcomes_page
from prefloop.report.results import Savings
from prefloop.report.wording import gap, headline, labels, ordered, saved

_CAPTIONS = {
    "test_log_likelihood": "Test log-likelihood against labels, and its paired difference from the reference.",
    "savings": "Labels saved, and the difference of the whole curve, with intervals.",
    "ood_log_likelihood": "The same on the out-of-distribution split, on which nothing was acquired.",
    "test_accuracy": "Test accuracy.",
    "ood_accuracy": "Out-of-distribution accuracy.",
    "prompts": "How many different prompts the labels were spent on.",
    "entropy_ratio": "Which term decides: the prompt entropy against the uncertainty, round by round.",
}


def document(savings: Savings, pictures: Iterable[str]) -> str:
    """Write the report.

    Args:
        savings: the comparison.
        pictures: file names of the pictures, in `plots/` beside the report.

    Returns:
        Markdown.
    """
    title = f"# Labels saved on {savings.dataset}\n"
    if savings.note is not None:
        return f"{title}\n{savings.note}\n"
    present = {name.rpartition(".")[0] for name in pictures}
    sections = [title, _headlines(savings), _table(savings), _control(savings), _warnings(savings)]
    sections += [
        _pictures(present),
        _compared(savings),
        _splits_table(savings),
        _further(savings),
        _reading(savings),
        outcomes_page(savings, present),
        choices_page(savings, present),
    ]
    return "\n".join(section for section in sections if section)


def _headlines(savings: Savings) -> str:
    names = [name for name in ordered(savings) if name != savings.reference and not savings.policies[name].control]
    return "".join(f"- {headline(name, savings)}\n" for name in names)


def _table(savings: Savings) -> str:
    reference = savings.reference
    head = (
        "policy",
        "final test log-likelihood",
        f"labels to match {reference}",
        "saved",
        "AUC difference, nats",
    )
    rows = []
    for name in ordered(savings):
        of = savings.policies[name]
        final = f"{of.final['test']['log_likelihood'].value:.4f}"
        if name == reference:
            rows.append((name, final, str(savings.budget), "", "", "reference"))
        else:
            rows.append((name, final, labels(of.saving), saved(of.saving), gap(of.area), of.verdict))
    return table((*head, "verdict"), rows)


def _control(savings: Savings) -> str:
    lines = []
    for name, of in savings.policies.items():
        if not of.control:
            continue
        meaning = (
            "The interval should cover zero and does not: distrust savings of this size here, and add seeds."
            if told_apart(of.area)
            else "The interval covers zero, as it should: a saving of this size is noise."
        )
        lines.append(
            f"Control: {name} is {savings.reference} with a second random stream. Its measured saving: "
            f"{saved(of.saving)}; its AUC difference {gap(of.area)} nats. {meaning}\n"
        )
    return "\n".join(lines)


def _warnings(savings: Savings) -> str:
    lines = []
    gain = savings.reference_gain
    lines += [f"**Nothing can be concluded here**: {reason}." for reason in savings.reasons]
    if gain is not None and (gain.low is None or gain.low <= 0):
        lines.append(
            f"**{savings.reference} itself does not clearly improve with labels** ({gap(gain)} nats from the "
            "first to the last round): labels saved against it mean little here. Read the AUC differences instead."
        )
    if "seeds" not in savings.interval_covers:
        lines.append("**One seed only**: the intervals cover the choice of test prompts, not the luck of a run.")
    elif len(savings.seeds) == 2:
        lines.append("Two seeds say little about the luck of a run, hence the wide intervals.")
    if "test prompts" not in savings.interval_covers:
        lines.append("**One test prompt only**: the intervals do not cover the choice of test prompts.")
    return "\n".join(f"> {line}\n" for line in lines)


def _pictures(present: set[str]) -> str:
    return "\n".join(picture(name, caption) for name, caption in _CAPTIONS.items() if name in present)


def _compared(savings: Savings) -> str:
    n = savings.n_labels
    batch = f", then {len(n) - 1} rounds of {n[1] - n[0]}" if len(n) > 1 else ""
    validation = f" Another {savings.n_val_labels} labels are for validation." if savings.n_val_labels else ""
    return (
        "## What was compared\n\n"
        f"{len(savings.policies)} policies × {len(savings.seeds)} seeds on {savings.dataset}: {n[0]} random "
        f"labels at the start{batch}, {savings.budget} in all.{validation} Policies share, seed by seed, the "
        "prompts, the split, the first labels and the initial weights.\n"
    )


def _splits_table(savings: Savings) -> str:
    rows = [
        (name, str(of.prompts), str(of.completions), str(of.pairs), str(savings.evaluated.get(name, "")))
        for name, of in savings.splits.items()
        if of.prompts
    ]
    return table(("split", "prompts", "completions", "listed pairs", "evaluated pairs (no ties)"), rows)


def _further(savings: Savings) -> str:
    metrics = [(split, metric) for split in savings.evaluated for metric in ("log_likelihood", "accuracy")]
    shown = [(split, metric) for split, metric in metrics if (split, metric) != ("test", "log_likelihood")]
    names = {"log_likelihood": "log-likelihood", "accuracy": "accuracy"}
    head = ["policy", *(f"{split} {names[metric]}, difference" for split, metric in shown)]
    head += ["distinct prompts", "ties"]
    rows = []
    for name in ordered(savings):
        of = savings.policies[name]
        is_reference = name == savings.reference
        cells = [of.final[split][metric] for split, metric in shown]
        row = [name, *(f"{c.value:.4f}" + ("" if is_reference else f", {gap(c)}") for c in cells)]
        rows.append([*row, f"{of.prompts:.0f}", f"{of.ties:.0f} ({of.ties / savings.budget:.1%})"])
    return "## After the last round\n\n" + table(head, rows)


def _reading(savings: Savings) -> str:
    covered = " and ".join(savings.interval_covers) or "nothing (one seed, one test prompt)"
    return f"""## How to read this

- *Log-likelihood*: mean log-probability, in nats, that the reward ensemble gives to the preferred answer of a
  test pair; higher is better, −0.693 is a coin toss. Ties among the test pairs are left out.
- *Saved*: with f such that the policy's curve is {savings.reference}'s run through f times as fast, after the
  first {savings.n_labels[0]} labels, *saved* is 1 − 1/f of the labels after these. Below zero the policy needs
  more labels. The interval holds every f that a test of the two curves does not reject; it excludes zero exactly
  where a verdict is given. A dash stands where the comparison cannot tell.
- *Labels to match {savings.reference}*: where the best value so far of a policy's mean curve reaches
  {savings.reference}'s final mean value, by linear interpolation between rounds. The best value so far of a noisy
  curve lies too high, so this number leans towards few labels.
- *AUC difference*: area under a policy's curve of test log-likelihood, divided by the range of labels (its mean
  height), minus {savings.reference}'s. *Better* and *worse* mean that its interval excludes zero; the intervals
  of all policies against all baselines hold together with {savings.confidence:.0%}.
- {savings.reference} is the mean of {len(savings.streams)} random stream(s): {", ".join(savings.streams)}.
- Intervals: two-way variance over {covered}, Student's t; of single numbers where they are no verdict's.
- *Ties*: labels that said "tie", mean over seeds. Each costs a label and trains nothing.
"""
