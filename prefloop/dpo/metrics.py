"""List of active DPO's metrics: every number of a round, once. Its table, MLflow and report derive from it."""

from __future__ import annotations

import pyarrow as pa

from prefloop.evaluation.metrics import NOT_NEGATIVE, SHARE, Number, Table, counts, numbers

# One row a round: `dpo.round_facts`, the losses of `dpo.training`, `dpo.evaluation.summarise`; all in MLflow.
ROUNDS = Table(
    "rounds.parquet",
    "prefloop/dpo/metrics.py",
    key=(("policy", pa.string()), ("seed", pa.int64()), ("round", pa.int32()), ("n_labels", pa.int64())),
    numbers=(
        *counts("label", "n_ties", "n_no_answer", "n_calls", "n_tokens", "written", "sampled", "dropped"),
        *numbers("training", "loss_first", "loss_last", "certainty", "agreement"),
        *(Number(name, "outcome", SHARE) for name in ("win_oracle", "win_judge")),
        *counts("unjudged", "unjudged_oracle", "unjudged_judge"),
        *counts("effort", "eval_calls", "eval_tokens"),
        *(Number("kl", "outcome"), Number("length", "outcome", NOT_NEGATIVE)),
        *(Number(name, "diversity", SHARE) for name in ("distinct_1", "distinct_2")),
    ),
    notes=(("reference", pa.string()),),
)
