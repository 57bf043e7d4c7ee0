"""Issued pairs: every comparison that a campaign has chosen, with what its model predicted before any label."""

from __future__ import annotations

import pyarrow as pa

# One row a choice, in order; a disputed pair that is asked about again has a second row.
#   round, order: of the batch, and its place there.
#   kind: policy, audit (drawn uniformly at random), or relabel (asked about once more).
#   annotators: people who are to be asked about it, in all.
#   probability: that completion_a is better, by the model that chose the batch, mean over members; null while
#       it is untrained.
#   member_logits: reward of a minus reward of b, by member.
#   n_labels, n_decided: labelled and decided pairs that this model was trained on.
ISSUED = pa.schema(
    [("round", pa.int32()), ("order", pa.int32()), ("kind", pa.string())]
    + [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "policy")]
    + [("annotators", pa.int32()), ("probability", pa.float64()), ("member_logits", pa.list_(pa.float32()))]
    + [("n_labels", pa.int64()), ("n_decided", pa.int64())]
)
