"""Layouts of label files: tables that people fill in, lines of a log, exports of Label Studio and of Potato."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from prefloop.data.readers.paths import is_nothing
from prefloop.errors import DataError
from prefloop.exchange.label_files.fields import Fields, instant, milliseconds, named
from prefloop.exchange.label_files.said import Read, Told, Unsaid
from prefloop.exchange.label_files.tools import COMMENT, INSTEAD, STRENGTH, VERDICT
from prefloop.labels.lines import label_of_object

Layout = Callable[[Fields], Iterator[Read]]
# A name alone says nothing: it is often filled in beforehand.
_FILLED = ("strength", "comment")
_ITEM = re.compile(r"(?P<pair>.+)-(?P<left>[ab])")


def layout_of(names: Collection[str], path: Path) -> Layout:
    """How the rows of a file are read, by all columns that it has.

    Raises:
        DataError: they are those of no layout.
    """
    there = {named(name) for name in names}
    if "instance_id_to_label_to_value" in there:
        return potato_state
    if {"instance_id", "user_id"} <= there:
        return potato_export
    if "data" in there and there & {"annotations", "completions"}:
        return studio_task
    if {"pair_id", "completion_a", "completion_b", "source", "timestamp"} <= there and "left" not in there:
        return log_line
    if "pair_id" in there and there & {VERDICT, INSTEAD}:
        return table_row
    raise DataError(
        f"{path}: got the columns {', '.join(names) or '(none)'}; expected pair_id and verdict, as "
        "prefloop labels export writes them, lines of a label log, or an export of Label Studio or Potato"
    )


def table_row(row: Fields) -> Iterator[Read]:
    """A row that a person has filled in, or one of a flat export of Label Studio (JSON-MIN, CSV)."""
    verdict = row.verdict(VERDICT, INSTEAD)
    if verdict is None:
        is_begun = any(not is_nothing(row.values.get(name)) for name in _FILLED)
        yield Unsaid(row.row, "half_filled" if is_begun else "empty")
        return
    if row.text("pair_id") is None:
        raise row.error("pair_id", "the pair that the verdict is about", row.values.get("pair_id"))
    at = instant(row.values.get("timestamp"), row.values.get("updated_at"), row.values.get("created_at"))
    yield row.said(verdict, timestamp=at, duration_ms=row.duration())


def log_line(row: Fields) -> Iterator[Read]:
    """A line of a label log."""
    values = {row.written[name]: value for name, value in row.values.items() if not is_nothing(value)}
    yield Told(row.row, label_of_object(values, Path(row.path), row.row))


def studio_task(row: Fields) -> Iterator[Read]:
    """A task of Label Studio's JSON export with the annotations of all its users."""
    data = row.values.get("data")
    if not isinstance(data, Mapping) or is_nothing(data.get("pair_id")):
        raise row.error("data", "an object with the pair_id, as prefloop labels export wrote it", data)
    given = row.values.get("annotations")
    given = row.values.get("completions") if given is None else given
    if not isinstance(given, list):
        raise row.error("annotations", "a list", given)
    drafts = row.values.get("drafts")
    yield from (Unsaid(row.row, "draft") for _ in (drafts if isinstance(drafts, list) else ()))
    if not given and not drafts:
        yield Unsaid(row.row, "empty")
    for annotation in given:
        if not isinstance(annotation, Mapping):
            raise row.error("annotations", "a list of objects", annotation)
        yield _annotation(row, data, annotation)


def _annotation(row: Fields, data: Mapping[str, Any], annotation: Mapping[str, Any]) -> Read:
    if annotation.get("was_cancelled") is True or annotation.get("skipped") is True:
        return Unsaid(row.row, "cancelled")
    controls: dict[str, Any] = {}
    results = annotation.get("result") or []
    if not isinstance(results, list) or not all(isinstance(result, Mapping) for result in results):
        raise row.error("annotations", "a result that is a list of objects", results)
    for result in results:
        name, value = result.get("from_name"), result.get("value")
        if name in controls:
            raise row.error("annotations", f"one value of the control {name}", [controls[name], value])
        controls[str(name)] = value
    user = annotation.get("completed_by")
    said = {**data, VERDICT: controls.get(VERDICT), INSTEAD: controls.get(INSTEAD)}
    said |= {STRENGTH: _chosen(controls.get(STRENGTH)), COMMENT: _written(controls.get(COMMENT))}
    said["annotator"] = user.get("email") or user.get("id") if isinstance(user, Mapping) else user
    fields = Fields.of(row.path, row.row, said)
    verdict = fields.verdict(VERDICT, INSTEAD)
    if verdict is None:
        return Unsaid(row.row, "half_filled" if results else "empty")
    at = instant(annotation.get("updated_at"), annotation.get("created_at"))
    return fields.said(verdict, timestamp=at, duration_ms=milliseconds(annotation.get("lead_time")))


def _chosen(value: Any) -> Any:
    choices = value.get("choices") if isinstance(value, Mapping) else None
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else choices


def _written(value: Any) -> Any:
    text = value.get("text") if isinstance(value, Mapping) else None
    return "\n".join(map(str, text)) if isinstance(text, list) else text


def potato_export(row: Fields) -> Iterator[Read]:
    """What one user of Potato said of one item: its JSONL export, or the columns of its CSV and TSV exports."""
    labels = row.values.get("labels")
    if labels is None:
        labels = {}
        for name, value in row.values.items():
            schema, dot, label = name.partition(".")
            if dot and not is_nothing(value):
                labels.setdefault(schema, {})[label] = value
    yield _potato(row, row.text("instance_id"), row.text("user_id"), labels)


def potato_state(row: Fields) -> Iterator[Read]:
    """All that one user of Potato said: the file user_state.json that its server keeps."""
    items = row.values.get("instance_id_to_label_to_value")
    if not isinstance(items, Mapping):
        raise row.error("instance_id_to_label_to_value", "an object", items)
    for item, pairs in items.items():
        labels: dict[str, dict[str, Any]] = {}
        try:
            for label, value in pairs:
                labels.setdefault(label["schema"], {})[label["name"]] = value
        except (TypeError, ValueError, KeyError):
            raise row.error("instance_id_to_label_to_value", "pairs of a label and its value", pairs) from None
        yield _potato(row, item, row.text("user_id"), labels)


def _potato(row: Fields, item: str | None, user: str | None, labels: Any) -> Read:
    if not isinstance(labels, Mapping):
        raise row.error("labels", "an object with what was said by schema", labels)
    found = _ITEM.fullmatch(item or "")
    if found is None:
        raise row.error("instance_id", "PAIR-a or PAIR-b, as prefloop labels export wrote it", item)
    said = {name: _one(row, name, labels.get(name)) for name in (VERDICT, INSTEAD, STRENGTH, COMMENT)}
    fields = Fields.of(row.path, row.row, {**said, "pair_id": found["pair"], "annotator": user})
    verdict = fields.verdict(VERDICT, INSTEAD)
    if verdict is None:
        return Unsaid(row.row, "half_filled" if any(said.values()) else "empty")
    return fields.said(verdict, left=found["left"])


def _one(row: Fields, name: str, said: Any) -> Any:
    """The one value of a schema: of a radio button its value, which is the word itself."""
    if not isinstance(said, Mapping):
        return said
    values = [value for value in said.values() if not is_nothing(value)]
    if len(values) > 1:
        raise row.error(name, "one value of one annotator", values)
    return values[0] if values else None
