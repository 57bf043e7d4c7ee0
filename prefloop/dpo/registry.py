"""Registry of active DPO's acquisition rules by the names they have in dpo/params.yaml."""

from __future__ import annotations

from prefloop.dpo import designs, rules
from prefloop.dpo.view import DpoRule

# A module of its own for a new rule is named here; in one of these it needs only a line in its table.
RULES: dict[str, DpoRule] = rules.RULES | designs.RULES
