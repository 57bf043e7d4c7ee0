"""Preference tables: chosen and rejected answers as the messages they came as, with models, scores and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from prefloop.data.compared import Compared
from prefloop.exchange.details import Details
from prefloop.exchange.form import Form
from prefloop.messages.message import Call, Message, Turns

_FUNCTION = pa.struct([("name", pa.string()), ("arguments", pa.string())])
_CALLS = pa.list_(pa.struct([("type", pa.string()), ("function", _FUNCTION)]))
_Written = dict[str, Any]
_SPOKEN = [("role", pa.string()), ("content", pa.string())]


def schema_of(form: Form, compared: Compared, more: pa.Schema) -> pa.Schema:
    """Columns of a form, then some more; messages have `tool_calls` where a message of any row calls a tool."""
    turns = [*map(_prompt, compared.prompts.values()), *map(_completion, compared.completions.values())]
    has_calls = any(message.calls for one in turns for message in one.messages or ())
    messages = pa.list_(pa.struct([*_SPOKEN, ("tool_calls", _CALLS)] if has_calls else _SPOKEN))
    return pa.schema(
        [
            ("prompt", pa.string() if form is Form.ultrafeedback else messages),
            ("prompt_id", pa.string()),
            ("ids", pa.list_(pa.string())),
            ("chosen", messages),
            ("rejected", messages),
            ("chosen_model", pa.string()),
            ("chosen_score", pa.float64()),
            ("rejected_model", pa.string()),
            ("rejected_score", pa.float64()),
            ("source", pa.string()),
            *more,
        ]
    )


def preference_table(
    pairs: pa.Table, compared: Compared, form: Form, schema: pa.Schema, details: Details | None = None
) -> pa.Table:
    """One row per decided pair, in the same order.

    Several models that wrote the same text are joined by "+"; models and scores nobody knows are null.

    Args:
        pairs: [n] pair_id, prompt_id, chosen_id, rejected_id, perhaps label.
        compared: what the prepared tables say about these ids.
        form: how prompt, chosen and rejected are written.
        schema: of all rows, see `schema_of`.
        details: gives the columns of its schema.

    Returns:
        [n] rows.

    Source: the schema is that of Melikidze et al. 2026 (ActiveUltraFeedback, arXiv 2603.09692), with
    the source of the prompt and the user's ids kept.
    """
    rows = [_row(compared, form, details, **pair) for pair in pairs.to_pylist()]
    return pa.Table.from_pylist(rows, schema)


def _row(
    compared: Compared,
    form: Form,
    details: Details | None,
    pair_id: str,
    prompt_id: str,
    chosen_id: str,
    rejected_id: str,
    **label: str,
) -> dict[str, Any]:
    row = compared.prompts[prompt_id]
    prompt = _written(_prompt(row).as_prompt())
    before = prompt if form is Form.ultrafeedback else []
    return {
        "prompt": row["prompt"] if form is Form.ultrafeedback else prompt,
        "prompt_id": prompt_id,
        "ids": compared.ids[pair_id],
        **_side("chosen", compared, chosen_id, before),
        **_side("rejected", compared, rejected_id, before),
        "source": row["source"],
        # Completion a has the lower id.
        **({} if details is None else details.row(pair_id, chosen_id > rejected_id)),
        **label,
    }


def _side(name: str, compared: Compared, completion_id: str, before: list[_Written]) -> dict[str, Any]:
    completion = compared.completions[completion_id]
    return {
        name: before + _written(_completion(completion).as_completion()),
        f"{name}_model": "+".join(completion["models"] or []) or None,
        f"{name}_score": compared.scores.get(completion_id),
    }


def _prompt(row: Mapping[str, Any]) -> Turns:
    return Turns.load(row["prompt"], row["messages"])


def _completion(row: Mapping[str, Any]) -> Turns:
    return Turns.load(row["text"], row["messages"])


def _written(messages: Sequence[Message]) -> list[_Written]:
    """Messages as OpenAI writes them, a call's arguments as text."""
    return [
        {"role": one.role, "content": one.content}
        | ({"tool_calls": [_call(call) for call in one.calls]} if one.calls else {})
        for one in messages
    ]


def _call(call: Call) -> _Written:
    return {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
