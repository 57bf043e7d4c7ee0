"""Conversations that branch: every message of a user with several answers is a prompt with completions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from prefloop.data.readers.cells import Cells, Origin
from prefloop.data.readers.paths import Get, is_nothing
from prefloop.data.records import Record, ResponsesRecord, Unread
from prefloop.errors import DataError
from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Message, Turns
from prefloop.messages.normalise import read_messages

_REPLIES = "replies"


def tree(row: Cells, origin: Origin) -> Iterator[Record | Unread]:
    """The prompts of one tree, the first message with those that follow it."""
    root = row.get("tree.root")
    if is_nothing(root):
        raise Unusable("empty")
    if not isinstance(root, Mapping):
        raise row.error("tree.root", "a message with its replies", root)
    return _walk(row, origin, root, row.columned.gets.get("tree.replies", lambda node: node.get(_REPLIES)))


def is_table(row: Cells) -> bool:
    """Whether rows are single messages, to be put together first."""
    return row.columned.form == "tree" and not row.has("tree.root")


def from_table(rows: Iterable[Cells], origin: Origin) -> Iterator[Record | Unread | DataError]:
    """The prompts of all trees whose messages are rows of a table, in any order."""
    rows = list(rows)
    children: dict[Any, list[Cells]] = {}
    ids = {row.get("tree.id") for row in rows}
    for row in rows:
        parent = row.get("tree.parent")
        children.setdefault(None if is_nothing(parent) else parent, []).append(row)
    for parent, orphans in children.items():
        if parent is not None and parent not in ids:
            yield from (Unread("no_parent", orphan.place) for orphan in orphans)
    for root in children.get(None, ()):
        try:
            # Only replies are looked up by id: a message keeps its row's columns.
            yield from _walk(root, origin, root.values, partial(_below, root, children))
        except DataError as error:
            yield error


def _below(row: Cells, children: Mapping[Any, list[Cells]], node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [child.values for child in children.get(row.columned.gets["tree.id"](node), ())]


def _walk(row: Cells, origin: Origin, root: Mapping[str, Any], replies: Get) -> Iterator[Record | Unread]:
    waiting: list[tuple[Mapping[str, Any], tuple[Message, ...]]] = [(root, ())]
    while waiting:
        node, before = waiting.pop()
        try:
            path = (*before, _message(row, node))
        except Unusable as error:
            yield Unread(error.reason, row.place)
            continue
        below = [reply for reply in replies(node) or () if isinstance(reply, Mapping) and not _deleted(row, reply)]
        waiting.extend((reply, path) for reply in reversed(below))
        if path[-1].role == "user" and len(below) > 1:
            yield from _answers(row, origin, path, below)


def _answers(
    row: Cells, origin: Origin, path: tuple[Message, ...], below: list[Mapping[str, Any]]
) -> Iterator[Record | Unread]:
    rank = row.columned.gets.get("tree.rank")
    ranks = [None if rank is None else row.as_number("tree.rank", rank(reply)) for reply in below]
    is_ranked = any(number is not None for number in ranks)
    kept: list[tuple[Turns, float | None]] = []
    for reply, number in zip(below, ranks, strict=True):
        try:
            message = _message(row, reply)
        except Unusable:
            continue  # counted where the walk comes to it
        if is_ranked and number is None:
            yield Unread("no_score", row.place)
        else:
            kept.append((Turns.completion([message]), None if number is None else -number))
    if kept:
        yield ResponsesRecord(
            prompt=Turns.prompt(path),
            completions=tuple(turns for turns, _ in kept),
            scores=tuple(score for _, score in kept) if is_ranked else None,
            models=None,
            source=origin.source,
            split=origin.split,
            place=row.place,
            ids=row.own_ids(),
        )


def _deleted(row: Cells, node: Mapping[str, Any]) -> bool:
    get = row.columned.gets.get("tree.deleted")
    return get is not None and get(node) is True


def _message(row: Cells, node: Mapping[str, Any]) -> Message:
    gets = row.columned.gets
    said = {"role": gets["tree.role"](node), "content": gets["tree.text"](node)}
    try:
        (message,) = read_messages([said], row.columned.roles)
    except MessageError as error:
        raise row.error("tree.text", error.expected, error.got) from None
    return message
