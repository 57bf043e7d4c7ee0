"""Admin's view of a campaign: its status, arranged for the eye.

All numbers come from `campaign_status`. Those that have a place of their own get it (the advice, the curve), all
others stand under the names that they came with, so that none is hidden and none is made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefloop.page.plot import Plot, plotted

# Words that say more than a key does.
_NAMES = {
    "alpha": "Krippendorff's alpha",
    "ece": "Calibration error",
    "ece_floor": "Calibration error of a calibrated model",
    "raw": "Raw agreement",
    "per_hour": "Per hour of work",
    "last_hour": "In the last 60 minutes",
    "gold": "Gold items",
    "correct": "Of them correct",
    "consistent": "Answered alike",
    "both_bad": "Both bad",
    "minute_rate": "Per minute",
    "yours": "Your own",
}
_APART = ("advice", "curve")


@dataclass(frozen=True)
class Table:
    """Rows under names of columns.

    Attributes:
        title: what the rows are, empty where the section's title says it.
        columns: names, the first that of the rows' own name.
        rows: cells as text.
        marked: numbers of the rows that ask for a look: somebody drifts.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: tuple[int, ...] = ()


@dataclass(frozen=True)
class Section:
    """What belongs together.

    Attributes:
        title: its name.
        facts: names and values.
        tables: what has rows.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """A campaign as the page shows it.

    Attributes:
        sections: in the order of the status.
        say, sentence, why: the advice; empty without one.
        plot: the learning curve, None without one.
    """

    sections: tuple[Section, ...] = ()
    say: str = ""
    sentence: str = ""
    why: tuple[str, ...] = ()
    plot: Plot | None = None
    facts: tuple[tuple[str, str], ...] = field(default=())


def campaign_of(status: Mapping[str, Any]) -> Campaign:
    """Arrange what `GET /api/status` gives an admin.

    Args:
        status: `campaign`, the campaign's status, where there is one; `progress`, the own one.
    """
    progress = {name: value for name, value in (status.get("progress") or {}).items() if name != "last_lease"}
    shown: Mapping[str, Any] = status.get("campaign") or {"progress": progress}
    advice: Mapping[str, Any] = shown.get("advice") or {}
    why = advice.get("why") or ()
    rest = {key: value for key, value in shown.items() if key not in _APART}
    alone = {key: value for key, value in rest.items() if not _has_parts(value)}
    return Campaign(
        sections=tuple(_section(key, value) for key, value in rest.items() if _has_parts(value)),
        say=str(advice.get("say") or ""),
        sentence=str(advice.get("sentence") or ""),
        why=(why,) if isinstance(why, str) else tuple(map(str, why)),
        plot=plotted(shown.get("curve")),
        facts=_facts(alone),
    )


def _section(key: str, value: Any) -> Section:
    if not isinstance(value, Mapping):
        return Section(name_of(key), tables=(_listed("", value),))
    facts = {name: one for name, one in value.items() if not _has_parts(one)}
    parts = {name: one for name, one in value.items() if _has_parts(one)}
    if not facts and all(isinstance(one, Mapping) and _is_row(one) for one in parts.values()):
        return Section(name_of(key), tables=(_keyed("", parts),))
    return Section(name_of(key), _facts(facts), tuple(_part(name, one) for name, one in parts.items()))


def _part(name: str, value: Any) -> Table:
    if not isinstance(value, Mapping):
        return _listed(name_of(name), value)
    if value and all(isinstance(one, Mapping) and not _is_estimate(one) for one in value.values()):
        return _keyed(name_of(name), value)
    return Table(name_of(name), ("", ""), _facts(value))


def _facts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name_of(name), text_of(value)) for name, value in values.items())


def _keyed(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    # Keys that hold names of people and sources stay as they are.
    return _table(title, [{"": name} | dict(row) for name, row in rows.items()])


def _listed(title: str, rows: Sequence[Any]) -> Table:
    return _table(title, [row if isinstance(row, Mapping) else {"": row} for row in rows])


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    return Table(
        title,
        tuple(name_of(name) for name in columns),
        tuple(tuple(text_of(row.get(name)) for name in columns) for row in rows),
        tuple(number for number, row in enumerate(rows) if row.get("drift")),
    )


def _has_parts(value: Any) -> bool:
    """Whether a value needs a section or a table of its own."""
    if isinstance(value, Mapping):
        return not _is_estimate(value)
    return isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value)


def _is_row(value: Mapping[str, Any]) -> bool:
    return not any(map(_has_parts, value.values()))


def _is_estimate(value: Mapping[str, Any]) -> bool:
    return value.keys() == {"value", "low", "high"}


def name_of(key: str) -> str:
    """A key in words."""
    return _NAMES.get(key, key[:1].upper() + key[1:].replace("_", " "))


def text_of(value: Any) -> str:
    """A value in words; one that is not known is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        if _is_estimate(value):
            return f"{text_of(value['value'])} [{text_of(value['low'])}, {text_of(value['high'])}]"
        if value.keys() == {"habit", "before", "lately"}:
            return f"{name_of(value['habit']).lower()} {text_of(value['before'])} → {text_of(value['lately'])}"
        return ", ".join(f"{name_of(name).lower()} {text_of(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        if any(isinstance(one, Mapping) for one in value):
            return "; ".join(map(text_of, value))
        return f"[{', '.join(map(text_of, value))}]" if value else "–"
    return str(value)
