"""report.md: the comparison as a page to read. The answer first, wide tables late, the advice last."""

from __future__ import annotations

from collections.abc import Iterable

from prefloop.report.choices_page import choices_page
from prefloop.report.curves import significant
from prefloop.report.main_tables import main_table, nats_table, ood_table, views_table
from prefloop.report.outcomes_page import outcomes_page, outcomes_tables
from prefloop.report.page import named, picture, table
from prefloop.report.reading import reading
from prefloop.report.results import Savings
from prefloop.report.wording import TARGETS, excluded, losses, ordered, shown

_FIRST = {
    "test_log_likelihood": "The primary outcome: test log-likelihood, and every policy's difference from random.",
    "savings": "Labels saved, and the difference of the whole curve: intervals of all policies together.",
}
_LATER = {
    "ood_log_likelihood": "Secondary: log-likelihood out of distribution, where nothing was acquired.",
    "test_accuracy": "Secondary: test accuracy.",
    "ood_accuracy": "Secondary: out-of-distribution accuracy.",
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
    title = f"# Labels saved on {named(savings.dataset)}\n"
    if savings.note is not None or savings.finding is None:
        return f"{title}\n{savings.note}\n"
    present = {name.rpartition(".")[0] for name in pictures}
    sections = [
        title,
        f"{savings.finding.sentence}\n",
        _warnings(savings),
        _pictures(_FIRST, present),
        main_table(savings),
        _control(savings),
        views_table(savings),
        _compared(savings),
        _secondary(savings),
        ood_table(savings),
        outcomes_page(savings, present),
        choices_page(savings, present),
        _pictures(_LATER, present),
        reading(savings),
        "## All numbers\n",
        nats_table(savings),
        _further(savings),
        outcomes_tables(savings),
        _advice(savings),
    ]
    return "\n".join(section for section in sections if section)


def _warnings(savings: Savings) -> str:
    lines = []
    if "seeds" not in savings.interval_covers:
        lines.append("**One seed only**: the intervals cover the choice of test prompts, not the luck of a run.")
    elif len(savings.seeds) == 2:
        lines.append("Two seeds say little about the luck of a run, hence the wide intervals.")
    if "test prompts" not in savings.interval_covers:
        lines.append("**One test prompt only**: the intervals do not cover the choice of test prompts.")
    return "\n".join(f"> {line}\n" for line in lines)


def _pictures(captions: dict[str, str], present: set[str]) -> str:
    return "\n".join(picture(name, caption) for name, caption in captions.items() if name in present)


def _control(savings: Savings) -> str:
    lines = []
    for name, result in savings.policies.items():
        if not result.control:
            continue
        meaning = (
            "Its interval should cover zero and does not: distrust savings of this size here, and add seeds."
            if significant(result.area)
            else "Its interval covers zero, as it should: what it seems to save is noise."
        )
        lines.append(f"Control: {name} is {savings.reference} with a second random stream. {meaning}\n")
    return "\n".join(lines)


def _compared(savings: Savings) -> str:
    n = savings.n_labels
    batch = f", then {len(n) - 1} rounds of {n[1] - n[0]}" if len(n) > 1 else ""
    validation = f" Another {savings.n_val_labels} labels are for validation." if savings.n_val_labels else ""
    about = (
        "## What was compared\n\n"
        f"{len(savings.policies)} policies × {len(savings.seeds)} seeds on {named(savings.dataset)}: {n[0]} "
        f"random labels at the start{batch}, {savings.budget} in all.{validation} Policies share, seed by seed, "
        "the prompts, the split, the first labels and the initial weights.\n\n"
        f"Declared target: {TARGETS[savings.data_target]}. All test scores and verdicts, and the choice itself, "
        "weigh prompts by it.\n"
    )
    rows = [
        (name, str(size.prompts), str(size.completions), str(size.pairs), str(savings.evaluated.get(name, "")))
        for name, size in savings.splits.items()
        if size.prompts
    ]
    head = ("split", "prompts", "completions", "listed pairs", "evaluated pairs (no ties)")
    note = "Sizes are the first seed's; evaluated pairs are the mean over seeds.\n"
    return f"{about}\n{table(head, rows)}\n{note}"


def _secondary(savings: Savings) -> str:
    return (
        "## Secondary outcomes\n\n"
        "What follows describes and gives no verdict: the answer above rests on the primary outcome alone. "
        "A `*` marks a difference whose interval excludes zero; of so many numbers some do by chance.\n"
    )


def _further(savings: Savings) -> str:
    metrics = [(split, metric) for split in savings.evaluated for metric in ("log_likelihood", "accuracy")]
    columns = [(split, metric) for split, metric in metrics if (split, metric) != ("test", "log_likelihood")]
    names = {"log_likelihood": "log-likelihood", "accuracy": "accuracy"}
    head = ["after the last round", *(f"{split} {names[metric]}, difference" for split, metric in columns)]
    head += ["distinct prompts", "ties"]
    rows = []
    for name in ordered(savings):
        result, is_reference = savings.policies[name], name == savings.reference
        cells = [
            f"{c.value:.4f}" + ("" if is_reference else f", {excluded(c, share=metric == 'accuracy')}")
            for split, metric in columns
            for c in [result.final[split][metric]]
        ]
        rows.append(
            [
                shown(name, savings),
                *cells,
                f"{result.prompts:.0f}",
                f"{result.ties:.0f} ({result.ties / savings.budget:.1%})",
            ]
        )
    return table(head, rows)


def _advice(savings: Savings) -> str:
    finding = savings.finding
    if finding is None:
        return ""
    lost = (
        losses(savings, finding.choose)
        if finding.choose is not None and finding.choose != savings.reference
        else ""
    )
    but = f" But it loses {lost}: choose at random where that is what the model is for." if lost else ""
    return f"## What to do\n\n{finding.advice_sentence}{but}\n"
