"""Page report.md: the comparison to read."""

from __future__ import annotations

from collections.abc import Iterable

from prefloop.dpo.report.reading import reading
from prefloop.dpo.report.results import Comparison, PolicyResult, SeedMean
from prefloop.dpo.report.wording import (
    SATURATED,
    gap_of_seeds,
    headline,
    is_flat,
    ordered,
    rise_sentence,
)
from prefloop.report.amounts import DASH, OF_SHARES, gap, labels_from, saved
from prefloop.report.curves import significant
from prefloop.report.numbers import Difference
from prefloop.report.page import named, picture, table

_CAPTIONS = {
    "win_oracle": "Win rate over the start model by the training oracle, and its difference from the reference's.",
    "win_judge": "The same by the independent judge, which never trains.",
    "win_vs_kl": "Win rate against KL divergence: at the same KL, higher has learnt more and not only moved more.",
    "moves": "How far the policies move: KL divergence, length, distinct-2.",
}
_JUDGES = {"oracle": "training oracle", "judge": "independent judge"}


def document(comparison: Comparison, pictures: Iterable[str]) -> str:
    """Write the report.

    Args:
        comparison: the comparison.
        pictures: file names of the pictures, in `plots/` beside the report.

    Returns:
        Markdown.
    """
    present = {name.rpartition(".")[0] for name in pictures}
    sections = [
        f"# Win rate per label on {named(comparison.dataset)}\n",
        f"{comparison.finding.sentence}\n",
        _warnings(comparison),
        *[picture(name, caption) for name, caption in _CAPTIONS.items() if name in present],
        *[_wins(comparison, judge) for judge in comparison.judges],
        _controls(comparison),
        "## Policy by policy\n",
        _headlines(comparison),
        f"{rise_sentence(comparison)}\n",
        _compared(comparison),
        reading(comparison),
        _moves(comparison),
        *[_by_round(comparison, judge) for judge in comparison.judges],
        _costs(comparison),
        f"## What to do\n\n{comparison.finding.advice_sentence}\n",
    ]
    return "\n".join(section for section in sections if section)


def _headlines(comparison: Comparison) -> str:
    names = [name for name in ordered(comparison) if name != comparison.reference]
    return "".join(f"- {headline(name, comparison)}\n" for name in names if not comparison.policies[name].control)


def _wins(comparison: Comparison, judge: str) -> str:
    reference = comparison.reference
    primary = judge == "oracle"
    head = ("policy", "labels saved", *("verdict",) * primary, "difference over the curve", "win rate at the end")
    head += ("difference", f"labels to match {reference} (leans low)")
    rows = []
    for name in ordered(comparison):
        wins = comparison.policies[name].wins[judge]
        final = f"{wins.final.value:.4f}"
        if name == reference:
            rows.append((name, DASH, *("reference",) * primary, DASH, final, DASH, str(comparison.budget)))
        else:
            rows.append(
                (
                    name,
                    saved(wins.saving),
                    *(wins.verdict,) * primary,
                    gap(wins.area, widest=OF_SHARES) + " *" * (significant(wins.area) and not primary),
                    final,
                    gap(wins.final, widest=OF_SHARES),
                    labels_from(wins.saving, comparison.n_labels[0]),
                )
            )
    about = comparison.judges[judge]
    rank = "primary" if primary else "secondary, no verdict; * where the interval excludes zero"
    title = f"## By the {_JUDGES[judge]} ({named(about.name)}), {about.prompts} prompts\n\nThe {rank} outcome."
    return f"{title}\n\n{table(head, rows)}"


def _controls(comparison: Comparison) -> str:
    lines = []
    for name, policy in comparison.policies.items():
        if not policy.control:
            continue
        oracle = policy.wins["oracle"]
        meaning = (
            "No difference, as it should be: a saving of this size is noise."
            if not significant(oracle.area)
            else "It should make no difference and does: distrust differences of this size here, and add seeds."
        )
        lines.append(
            f"Control: {name} writes as much as hybrid and chooses as {comparison.reference} does. Its measured "
            f"saving: {saved(oracle.saving)}; its difference over the curve {gap(oracle.area)}. {meaning}\n"
        )
    return "\n".join(lines)


def _warnings(comparison: Comparison) -> str:
    reference, lines = comparison.reference, []
    for judge, judged in comparison.judges.items():
        rise, by = judged.reference_rise, f"by the {_JUDGES[judge]}"
        lines += [f"**Nothing can be concluded {by}**: {reason}." for reason in judged.conclusion.reasons]
        if len(comparison.n_labels) > 1 and is_flat(rise):
            lines.append(
                f"**{reference} itself does not clearly improve with labels** {by} ({gap(rise)} from the first to "
                "the last round): labels saved against it mean little here. Read the differences instead."
            )
        if rise.value > SATURATED:
            lines.append(
                f"**Saturated**: {reference} ends at {rise.value:.4f} {by}, so that policies can hardly differ. "
                "Fewer labels per round, or a smaller learning rate, show more."
            )
        left_out = comparison.test_prompts - judged.prompts
        if left_out > 0.05 * comparison.test_prompts:
            lines.append(
                f"**{left_out} of {comparison.test_prompts} test prompts are left out** {by}: each has no verdict "
                "in some run."
            )
    if "judge" not in comparison.judges:
        lines.append("**No independent judge**: it left each test prompt unjudged in some run.")
    lines += _few(comparison)
    return "\n".join(f"> {line}\n" for line in lines)


def _few(comparison: Comparison) -> list[str]:
    lines = []
    if "seeds" not in comparison.interval_covers:
        lines.append(
            "**One seed only**: there is no interval over seeds. What stands here covers the choice of test "
            "prompts, not the luck of a run; distinct-n has no interval at all."
        )
    elif len(comparison.seeds) == 2:
        lines.append("Two seeds say little about the luck of a run, hence the wide intervals.")
    if "test prompts" not in comparison.interval_covers:
        lines.append("**One test prompt only**: the intervals do not cover the choice of test prompts.")
    return lines


def _moves(comparison: Comparison) -> str:
    judges = list(comparison.judges)
    head = ["policy", "KL, nats", "length, tokens", "distinct-1", "distinct-2", "at KL, nats"]
    head += [f"win rate there ({judge}), difference" for judge in judges]
    rows = []
    for name in ordered(comparison):
        policy, is_reference = comparison.policies[name], name == comparison.reference
        row = [name, _value(policy.kl[-1], 2, is_reference), _value(policy.length[-1], 1, is_reference)]
        row += [_of_seeds(policy.distinct_1[-1], is_reference), _of_seeds(policy.distinct_2[-1], is_reference)]
        row.append(f"{policy.wins['oracle'].equal_kl.kl:.2f}")
        rows.append(row + [_value(policy.wins[judge].equal_kl.win, 4, is_reference) for judge in judges])
    return "## How far the policies moved, and what they won on the way\n\n" + table(head, rows)


def _value(result: Difference, digits: int, is_reference: bool) -> str:
    value = f"{result.value:.{digits}f}"
    return value if is_reference else f"{value}, {gap(result, digits)}"


def _of_seeds(result: SeedMean, is_reference: bool) -> str:
    value = f"{result.value:.3f}"
    return value if is_reference else f"{value}, {gap_of_seeds(result, 3)}"


def _by_round(comparison: Comparison, judge: str) -> str:
    head = [f"win rate ({judge}) after", *(f"{n} labels" for n in comparison.n_labels)]
    rows = [
        [
            name,
            *(
                _value(win, 3, name == comparison.reference)
                for win in comparison.policies[name].wins[judge].by_round
            ),
        ]
        for name in ordered(comparison)
    ]
    return table(head, rows)


def _costs(comparison: Comparison) -> str:
    head = (
        *("policy", "ties", "no answer", "oracle calls", "tokens", "calls to evaluate", "their tokens"),
        *("written", "sampled", "dropped", "DPO loss, first", "last", "certainty", "agreement"),
    )
    rows = [_cost_row(name, comparison.policies[name], comparison.budget) for name in ordered(comparison)]
    return f"## What {comparison.budget} labels took\n\n" + table(head, rows)


def _cost_row(name: str, policy: PolicyResult, budget: int) -> list[str]:
    costs = policy.costs
    counts = [costs.no_answer, costs.calls, costs.tokens, costs.eval_calls, costs.eval_tokens]
    counts += [costs.written, costs.sampled, costs.dropped]
    return [
        name,
        f"{costs.ties:.1f} ({costs.ties / budget:.0%})",
        *(f"{count:.1f}".removesuffix(".0") for count in counts),
        "" if costs.loss_first is None else f"{costs.loss_first:.4f}",
        "" if costs.loss_last is None else f"{costs.loss_last:.4f}",
        "" if costs.certainty is None else f"{costs.certainty:.3f}",
        "" if costs.agreement is None else f"{costs.agreement:.0%}",
    ]


def _compared(comparison: Comparison) -> str:
    n = comparison.n_labels
    rounds = f"{len(n)} rounds of {n[0]} labels, {n[-1]} in all" if len(n) > 1 else f"one round of {n[0]} labels"
    judges = comparison.judges
    second = f" The independent judge is {named(judges['judge'].name)}." if "judge" in judges else ""
    return (
        "## What was compared\n\n"
        f"{len(comparison.policies)} policies × {len(comparison.seeds)} seeds on "
        f"{named(comparison.dataset)}: {rounds}. "
        f"Start model and reference: {named(comparison.start)}. "
        f"The training oracle is {named(judges['oracle'].name)}.{second} "
        f"After each round, one completion for each of {comparison.test_prompts} test prompts was compared with "
        "the start model's. Policies share, seed by seed, the prompts, the start model and its completions.\n"
    )
