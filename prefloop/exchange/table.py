"""Preference tables: chosen and rejected answers as messages, with models, scores and source."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from prefloop.data.compared import Compared
from prefloop.exchange.form import Form
from prefloop.exchange.turns import Message, messages_of

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_REST = [
    ("prompt_id", pa.string()),
    ("chosen", MESSAGES),
    ("rejected", MESSAGES),
    ("chosen_model", pa.string()),
    ("chosen_score", pa.float64()),
    ("rejected_model", pa.string()),
    ("rejected_score", pa.float64()),
    ("source", pa.string()),
]
SCHEMAS = {
    Form.ultrafeedback: pa.schema([("prompt", pa.string()), *_REST]),
    Form.trl: pa.schema([("prompt", MESSAGES), *_REST]),
}


def preference_table(pairs: pa.Table, compared: Compared, form: Form) -> pa.Table:
    """One row per decided pair, in the same order.

    Several models that wrote the same text are joined by "+"; models and scores nobody knows are null.

    Args:
        pairs: [n] prompt_id, chosen_id, rejected_id.
        compared: what the prepared tables say about these ids.
        form: how prompt, chosen and rejected are written.

    Returns:
        [n] rows of `SCHEMAS[form]`.

    Source: the schema is that of Melikidze et al. 2026 (ActiveUltraFeedback, arXiv 2603.09692), with
    the source of the prompt kept.
    """
    rows = [_row(compared, form, **pair) for pair in pairs.to_pylist()]
    return pa.Table.from_pylist(rows, SCHEMAS[form])


def _row(compared: Compared, form: Form, prompt_id: str, chosen_id: str, rejected_id: str) -> dict[str, Any]:
    text, source = (compared.prompts[prompt_id][field] for field in ("prompt", "source"))
    prompt = messages_of(text)
    before = prompt if form is Form.ultrafeedback else []
    return {
        "prompt": text if form is Form.ultrafeedback else prompt,
        "prompt_id": prompt_id,
        **_side("chosen", compared, chosen_id, before),
        **_side("rejected", compared, rejected_id, before),
        "source": source,
    }


def _side(name: str, compared: Compared, completion_id: str, before: list[Message]) -> dict[str, Any]:
    completion = compared.completions[completion_id]
    return {
        name: [*before, {"role": "assistant", "content": completion["text"]}],
        f"{name}_model": "+".join(completion["models"] or []) or None,
        f"{name}_score": compared.scores.get(completion_id),
    }
