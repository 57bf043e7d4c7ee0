"""The documents' tables of published comparisons, from the numbers in docs/results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "researcher.md", ROOT / "docs" / "responses.md"]

_BLOCK = re.compile(r"(<!-- results (\w+) ([\w, ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DASH = "–"

TITLES = {
    "ethics": "ethics, target prompts",
    "ethics_alike": "ethics, target prompts, labels count alike",
    "ethics_pairs": "ethics, target pairs",
    "ethics_rest": "ethics without its largest prompt",
    "ukp": "ukp",
    "hh": "hh",
    "arena_bench": "arena_bench",
    "summeval": "summeval",
    "arena_bench_anchored": "arena_bench, anchored ensemble",
}


def fill(document: str) -> str:
    """A document with its blocks `<!-- results TABLE NAMES -->` written anew from the stored numbers."""
    return _BLOCK.sub(lambda m: m[1] + render(m[2], [name.strip() for name in m[3].split(",")]) + m[4], document)


def blocks(document: str) -> list[tuple[str, str]]:
    """Table and names of every block of a document."""
    return [(match[2], match[3]) for match in _BLOCK.finditer(document)]


def render(table: str, names: list[str]) -> str:
    """One table as Markdown lines."""
    records = {name: json.loads((RESULTS / f"{name}.json").read_text()) for name in names}
    return "".join(f"| {' | '.join(row)} |\n" for row in TABLES[table](records))


def summary(records: dict[str, Any]) -> list[list[str]]:
    """A line a comparison: what choosing without a model gains, and what the best with one adds."""
    head = [
        "data",
        "largest prompt",
        "random, first → last",
        "thinned",
        "random_prompts",
        "BAL-PM",
        "best by a model",
    ]
    rows = [head, ["---", *["---:"] * 6]]
    for name, of in records.items():
        found, random = of["policies"], of["reference_rise"]
        first = random["value"] - random["difference"]
        by_model = {
            policy: one["against_best"]
            for policy, one in found.items()
            if not one["model_free"] and not one["oracle_upper_bound"] and one["against_best"]
        }
        best = max(by_model, key=lambda policy: by_model[policy]["area"]["difference"])
        rows.append(
            [
                TITLES[name],
                f"{100 * of['concentration']['largest_share']:.0f} %",
                f"{_number(first, 3)} → {_number(random['value'], 3)}",
                _cell(found["thinned"]["against_random"]),
                _cell(found["random_prompts"]["against_random"]),
                _cell(found["bal_pm"]["against_best"]),
                f"{best}: {_cell(by_model[best])}",
            ]
        )
    return rows


def policies(records: dict[str, Any]) -> list[list[str]]:
    """All policies of one comparison, those without a model first."""
    (of,) = records.values()
    head = ["policy", "test log-likelihood", "against random", "labels saved", "against the best without a model"]
    rows = [[*head, "pairs alike", "largest prompt"], ["---", *["---:"] * 6]]
    for name, one in _ordered(of["policies"]):
        views = one["views"]
        rows.append(
            [
                f"{name} *" if one["model_free"] else name,
                _number(one["final"]["value"], 4),
                _cell(one["against_random"]),
                _saved(one["against_random"]),
                _cell(one["against_best"], named=True),
                *(_difference(views[view]) if one["against_random"] else _DASH for view in ("pairs", "largest")),
            ]
        )
    return rows


def views(records: dict[str, Any]) -> list[list[str]]:
    """The same policies under each weighting of the test, whatever the target."""
    (of,) = records.values()
    rows = [["policy", "prompts alike", "pairs alike", "largest prompt alone"], ["---", *["---:"] * 3]]
    rows += [
        [name, *(_difference(one["views"][view]) for view in ("prompts", "pairs", "largest"))]
        for name, one in _ordered(of["policies"])
        if one["against_random"] is not None
    ]
    return rows


def choices(records: dict[str, Any]) -> list[list[str]]:
    """Pair rules: both outcomes, and which pairs were compared."""
    (of,) = records.values()
    head = ["policy", "retrained accuracy", "difference", "proxy score", "difference"]
    rows = [[*head, "gap", "winner regret", "best hit", "ties", "annotation calls"], ["---", *["---:"] * 9]]
    by_model = of["policies"].items()
    for name, one in sorted(by_model, key=lambda item: -item[1]["outcomes"]["reward_model"]["final"]["value"]):
        outcomes, chosen = one["outcomes"], one["choices"]
        rows.append(
            [
                f"{name} (oracle upper bound)"
                if one["oracle_upper_bound"]
                else f"{name} *"
                if one["model_free"]
                else name,
                f"{outcomes['reward_model']['final']['value']:.3f}",
                _cell(outcomes["reward_model"]["against_random"], digits=3),
                f"{outcomes['policy']['final']['value']:.2f}",
                _cell(outcomes["policy"]["against_random"], digits=2),
                f"{chosen['gap']['value']:.2f}",
                f"{chosen['winner_regret']['value']:.2f}",
                f"{100 * chosen['best_hit']['value']:.0f}%",
                f"{100 * chosen['ties']['value']:.0f}%" if chosen["ties"] else _DASH,
                f"{chosen['annotation_calls']:,.0f}",
            ]
        )
    return rows


TABLES = {"summary": summary, "policies": policies, "views": views, "choices": choices}


def _ordered(found: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(found.items(), key=lambda item: (not item[1]["model_free"], -item[1]["area"]["value"]))


def _cell(against: dict[str, Any] | None, digits: int = 4, named: bool = False) -> str:
    """Difference of the normalised AUC with its interval, bold where it excludes zero."""
    if against is None:
        return _DASH
    text = _difference(against["area"], digits)
    if against["verdict"] in ("better", "worse"):
        text = f"**{text}** {against['verdict']}"
    elif against["verdict"] == "cannot tell":
        text = f"({text})"
    return f"{text} ({against['baseline']})" if named else text


def _difference(of: dict[str, Any] | None, digits: int = 4) -> str:
    if of is None:
        return _DASH
    interval = "" if of["low"] is None else f" [{_signed(of['low'], digits)}, {_signed(of['high'], digits)}]"
    return _signed(of["difference"], digits) + interval


def _saved(against: dict[str, Any] | None) -> str:
    # As in the report: an interval that is open on both sides tells nothing.
    if against is None or against["saved"] is None or (against["open_low"] and against["open_high"]):
        return _DASH
    low, high = (
        _percent(against[key], against[open_])
        for key, open_ in (("saved_low", "open_low"), ("saved_high", "open_high"))
    )
    return f"{_percent(against['saved'], against['beyond'])} [{low}, {high}]"


def _percent(value: float, open_: bool) -> str:
    sign = ("≥ " if value > 0 else "≤ ") if open_ else ""
    return f"{sign}{_number(100 * value, 0)} %"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
