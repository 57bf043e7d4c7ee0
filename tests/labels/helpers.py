"""Labels by hand."""

from __future__ import annotations

from prefloop.io.hashing import pair_id
from prefloop.labels.label import Label


def label(number=0, **changes):
    a, b = f"{number:04d}-a", f"{number:04d}-b"
    values = {
        "pair_id": pair_id(a, b), "prompt_id": "p", "completion_a": a, "completion_b": b, "annotator": "ann",
        "verdict": "a", "timestamp": "2024-01-01T00:00:00+00:00", "round": 0, "source": "human",
    }  # fmt: skip
    return Label.model_validate(values | changes)


def content(label, **changes):
    """A label as the object of a line."""
    values = label.model_dump(exclude_none=True) | changes
    return {name: value for name, value in values.items() if value is not ...}
