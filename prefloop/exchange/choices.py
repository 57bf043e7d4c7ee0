"""Choice of exported pairs: how each came to be labelled, and what may be concluded from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

AUDIT, POLICY, UNRECORDED = "audit", "policy", "not recorded"
Choice = tuple[int | None, str, str | None]

_CHOSEN = (
    "A policy chooses pairs because of what a model does not know, or so as to spare prompts that have labels: "
    "they are **no random sample** of the pool. Verdicts, agreement and accuracy on them say nothing of the pool "
    "as a whole: pairs that are hard to tell apart may be far more frequent here."
)


def first_choices(issued: pa.Table | None) -> dict[str, dict[str, Any]]:
    """How each pair was chosen first; that it was asked about again later is another matter."""
    if issued is None:
        return {}
    rows = issued.select(["pair_id", "round", "policy", "kind"]).to_pylist()
    return {row["pair_id"]: row for row in reversed(rows)}


@dataclass(frozen=True)
class Choices:
    """How pairs of an export were chosen.

    Attributes:
        labelled, exported: pairs by round, kind and policy, of all labelled ones that the export looked at, and of
            those that became rows.
    """

    labelled: Mapping[Choice, int]
    exported: Mapping[Choice, int]

    @classmethod
    def of(cls, issued: pa.Table | None, labelled: Iterable[str], exported: Iterable[str]) -> Choices:
        """That of pairs by their ids.

        Args:
            issued: the campaign's record of chosen pairs, or None.
            labelled, exported: ids.
        """
        chosen = first_choices(issued)
        return cls(*(Counter(_choice(chosen.get(pair)) for pair in ids) for ids in (labelled, exported)))

    def rows(self) -> list[tuple[Any, ...]]:
        """Round, kind, policy, labelled pairs and rows, those without a record last."""
        order = sorted(
            self.labelled, key=lambda choice: (choice[0] is None, choice[0], choice[1], choice[2] or "")
        )
        return [
            (
                "" if round_ is None else round_,
                kind,
                policy or "",
                self.labelled[choice],
                self.exported.get(choice, 0),
            )
            for choice in order
            for round_, kind, policy in [choice]
        ]

    def has(self, kind: str) -> bool:
        """Whether some labelled pair was chosen so."""
        return any(choice[1] == kind for choice in self.labelled)

    def text(self) -> str:
        """What the kinds of the rows, by their shares, allow to conclude."""
        kinds: Counter[str] = Counter()
        for (_, kind, _), count in self.exported.items():
            kinds[kind] += count
        rows, audit = sum(kinds.values()), kinds[AUDIT]
        if kinds[UNRECORDED] == rows:
            return "It is not recorded how the pairs were chosen. Do not take them for a random sample."
        told = ", ".join(f"{count} of kind `{kind}`" for kind, count in kinds.most_common() if kind != UNRECORDED)
        parts = [
            f"Of {rows} rows: {told}" + (f", {kinds[UNRECORDED]} not recorded." if kinds[UNRECORDED] else ".")
        ]
        parts += [_CHOSEN] if audit + kinds[UNRECORDED] < rows else []
        parts += ["Do not take those without a record for a random sample."] if kinds[UNRECORDED] else []
        return " ".join([*parts, self._unbiased(audit, rows)])

    def _unbiased(self, audit: int, rows: int) -> str:
        if not audit:
            return "No row was drawn at random for an audit: nothing about the pool can be estimated without bias."
        missing = sum(count for choice, count in self.labelled.items() if choice[1] == AUDIT) - audit
        which = "All rows" if audit == rows else f"Rows of kind `audit` (column `audit`, {audit} of them)"
        alone = "" if audit == rows else ": estimate on these alone"
        but = f"; labelled pairs of that kind without a winner, left out: {missing}" if missing else ""
        return f"{which} were drawn at random under `data.target`{alone}{but}."


def _choice(row: Mapping[str, Any] | None) -> Choice:
    return (None, UNRECORDED, None) if row is None else (row["round"], row["kind"], row["policy"])
