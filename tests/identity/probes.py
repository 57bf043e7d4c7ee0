"""The probe of every declared part."""

from __future__ import annotations

from tests.identity.guard import Probe
from tests.identity.probes_choice import choice_probes
from tests.identity.probes_data import data_probes
from tests.identity.probes_dpo import dpo_probes
from tests.identity.probes_judges import judge_probes
from tests.identity.probes_labels import label_probes
from tests.identity.probes_models import model_probes
from tests.identity.probes_pool import pool_probes
from tests.identity.probes_reports import report_probes

PROBES: dict[str, Probe] = {
    **data_probes(),
    **choice_probes(),
    **pool_probes(),
    **model_probes(),
    **label_probes(),
    **report_probes(),
    **judge_probes(),
    **dpo_probes(),
}
