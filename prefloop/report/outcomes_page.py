"""report.md: what the labels bought, by a retrained reward model and a policy proxy."""

from __future__ import annotations

from collections.abc import Set

from prefloop.report.amounts import DASH, gap, saved
from prefloop.report.curves import verdict
from prefloop.report.numbers import Difference
from prefloop.report.outcome_results import Ablation, Outcomes
from prefloop.report.page import picture, table
from prefloop.report.results import Savings
from prefloop.report.wording import by_outcome, digits, excluded, labels_at_share, shown

_NAMES = {"reward_model": "retrained test accuracy", "policy": "proxy score"}
_WITH_IT = {
    "better": "higher with it",
    "worse": "lower with it",
    "no difference": "not significant",
    "cannot tell": "no interval",
}
_CAPTIONS = {
    "reward_model": "Test accuracy of a reward model retrained on the labels acquired by then.",
    "policy": "Expected judge score of the policy proxy on test prompts.",
}


def outcomes_page(savings: Savings, present: Set[str]) -> str:
    """Write the section on what the labels bought.

    Args:
        savings: the comparison.
        present: names of the pictures there are.
    """
    outcomes = savings.outcomes
    if outcomes is None:
        return ""
    both = outcomes.policy is not None
    sections = [
        f"### What the labels bought: retrained reward model{' and policy proxy' if both else ''}\n",
        _about(savings, outcomes),
        *[_outcome_table(savings, outcomes, name) for name in outcomes.primary],
        _warnings(outcomes),
        *[_ablation(ablation, outcomes) for ablation in outcomes.ablations],
        *[picture(f"outcome_{n}", c) for n, c in _CAPTIONS.items() if f"outcome_{n}" in present],
        _reading(savings, outcomes),
    ]
    return "\n".join(section for section in sections if section)


def outcomes_tables(savings: Savings) -> str:
    """Write the wide tables: every share of the budget, and what else is known at the end."""
    outcomes = savings.outcomes
    if outcomes is None:
        return ""
    shares = [_share_table(savings, outcomes, name) for name in outcomes.primary]
    return "\n".join([*shares, _secondary_table(savings, outcomes)])


def _about(savings: Savings, outcomes: Outcomes) -> str:
    accuracy = (
        "the accuracy of a reward model trained from scratch on the labels that a policy acquired, on "
        f"{savings.evaluated['test']} pairs a seed, of {outcomes.reward_model.prompts} test prompts over all seeds"
    )
    if outcomes.policy is None:
        return (
            f"The outcome was fixed in advance and comes from models that chose nothing themselves: {accuracy}. "
            "The other one, of a policy proxy, is missing: no test prompt has responses of different scores.\n"
        )
    return (
        f"Two outcomes were fixed in advance. Both come from models that chose nothing themselves: {accuracy}; "
        f"and the expected judge score of a policy proxy's choice, on {outcomes.policy.prompts} test prompts.\n"
    )


def _outcome_table(savings: Savings, outcomes: Outcomes, name: str) -> str:
    head = (
        _NAMES[name],
        f"after {outcomes.budget} labels",
        f"over the curve, minus {savings.reference}",
        "labels saved",
        f"labels to match {savings.reference} (leans low)",
    )
    rows = []
    for policy in by_outcome(savings, outcomes):
        result, decimals = outcomes.primary[name].policies[policy], _decimals(name, outcomes)
        row = [shown(policy, savings), f"{result.by_share[-1].value:.{decimals}f}"]
        if policy == savings.reference:
            rows.append([*row, DASH, DASH, str(outcomes.budget)])
        else:
            difference = excluded(result.area, decimals, share=name == "reward_model")
            rows.append([*row, difference, saved(result.saving), labels_at_share(result.saving, outcomes)])
    return table(head, rows)


def _value(compared: Difference, decimals: int, is_reference: bool, share: bool = False) -> str:
    value = f"{compared.value:.{decimals}f}"
    return value if is_reference else f"{value}, {excluded(compared, decimals, share)}"


def _decimals(name: str, outcomes: Outcomes) -> int:
    return 4 if name == "reward_model" else digits(outcomes)


def _ablation(ablation: Ablation, outcomes: Outcomes) -> str:
    verdicts = {name: verdict(difference) for name, difference in ablation.outcomes.items()}
    parts = [
        f"{_NAMES[name]} {gap(difference, _decimals(name, outcomes))}, {_WITH_IT[verdicts[name]]}"
        for name, difference in ablation.outcomes.items()
    ]
    text = f"Does the uncertainty matter? {ablation.policy} minus {ablation.control}: {'; '.join(parts)}."
    if set(verdicts.values()) == {"no difference"}:
        text += " The uncertainty does nothing here that these runs can show."
    return f"{text}\n"


def _share_table(savings: Savings, outcomes: Outcomes, name: str) -> str:
    head = [
        f"{_NAMES[name]} after",
        *(f"{n} labels ({share:.0%})" for n, share in zip(outcomes.n_labels, outcomes.shares, strict=True)),
    ]
    decimals = _decimals(name, outcomes)
    rows = [
        [
            shown(policy, savings),
            *(
                _value(at, decimals, policy == savings.reference, name == "reward_model")
                for at in outcomes.primary[name].policies[policy].by_share
            ),
        ]
        for policy in by_outcome(savings, outcomes)
    ]
    return table(head, rows)


def _secondary_table(savings: Savings, outcomes: Outcomes) -> str:
    head = ["secondary, at the end", "retrained log-likelihood, difference", "ECE", "ECE floor"]
    scored = outcomes.policy is not None
    if scored:
        head += ["best-of-K accuracy", "best-of-K regret, difference"]
    strata = [f"accuracy_{size}_gap" for size in ("small", "medium", "large")]
    has_strata = any(
        getattr(secondary, name) is not None for secondary in outcomes.secondary.values() for name in strata
    )
    if has_strata:
        head += ["accuracy, small gap", "medium gap", "large gap"]
    rows = []
    for policy in by_outcome(savings, outcomes):
        secondary, is_reference = outcomes.secondary[policy], policy == savings.reference
        row = [shown(policy, savings), _value(secondary.log_likelihood, 4, is_reference)]
        row += [_plain(secondary.ece), _plain(secondary.ece_floor)]
        if secondary.best_of_accuracy is not None and secondary.best_of_regret is not None:
            row.append(f"{secondary.best_of_accuracy.value:.4f}")
            row.append(_value(secondary.best_of_regret, digits(outcomes), is_reference))
        rows.append(row + [_plain(getattr(secondary, name)) for name in strata] * has_strata)
    return table(head, rows)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _warnings(outcomes: Outcomes) -> str:
    lines: list[str] = []
    for name, outcome in outcomes.primary.items():
        lines += [f"By {_NAMES[name]} nothing can be told: {reason}." for reason in outcome.conclusion.reasons]
    return "\n".join(f"> {line}\n" for line in lines)


def _reading(savings: Savings, outcomes: Outcomes) -> str:
    reference, budget, first = savings.reference, outcomes.budget, outcomes.n_labels[0]
    lines = [
        f"""\
- *Retrained reward model*: of the configured kind, trained from scratch on a policy's first labels (ties count
  as labels), with random numbers of its own that all policies of a seed share.
- *Labels to match {reference}*, *saved*, *never*: as below, with the shares of the budget in the place of rounds,
  so coarser; below {first} labels nothing is seen, hence `≤ {first}`. *Difference*: paired, from {reference} with
  as many labels. *Over the curve*: normalised AUC over the shares, up to {budget} labels."""
    ]
    if outcomes.policy is not None:
        low, high = (f"{score:.{digits(outcomes)}f}" for score in (outcomes.uniform_score, outcomes.best_score))
        lines.append(
            f"""\
- *Policy proxy*: a proxy, no language model. A log-linear policy over the responses that a prompt already
  has, trained with the DPO loss from a uniform reference; nothing is generated. Its expected judge score reads on
  a scale from {low} (uniform choice) to {high} (always the best response)."""
        )
    bounds = [name for name, result in savings.policies.items() if result.oracle_upper_bound]
    if bounds:
        calls = ", ".join(f"{savings.choices[name].annotation_calls:.0f} ({name})" for name in bounds)
        lines.append(
            f"""\
- *Oracle upper bound*: reads the judge's score of every response before it chooses, at {calls} annotation
  calls for {savings.budget} comparisons; {reference} needs {savings.choices[reference].annotation_calls:.0f}. No
  campaign can run it; it shows what there is to gain."""
        )
    return "\n".join(lines) + "\n"
