"""The probe of every declared part."""

from __future__ import annotations

from tests.identity.guard import Probe
from tests.identity.probes_choice import choice_probes

PROBES: dict[str, Probe] = {**choice_probes()}
