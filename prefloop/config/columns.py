"""Mappings: what the columns of a preference file mean, in parameters, presets and options alike.

A value is a path into a row. Its steps are parted by dots; `a|b` is the first of two keys that is there, `*` the
first of any; `[2]` an item, `[]` every item of a list. A column whose very name has dots or brackets goes before
the reading as a path. An empty path says that there is no such column.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from prefloop.labels.verdicts import Word
from prefloop.section import Section


def _well_formed(path: str) -> str:
    if path.count("[") != path.count("]") or ".." in path or path.startswith(".") or path.endswith("."):
        raise ValueError("expected a path such as info.post, completions[].response or summaries[0].text")
    return path


Path = Annotated[str, AfterValidator(_well_formed)]
# The first of several that is there.
Paths = Path | tuple[Path, ...]
Verdicts = dict[str, Word]
Roles = dict[str, Literal["system", "user", "assistant", "tool"]]
Share = Annotated[float, Field(ge=0, le=1)]


class Votes(Section):
    """Where one row holds several people's votes.

    Attributes:
        path: the list of votes; the paths below start at one of them.
        label: a verdict, or the answers from best to worst, with or without ranks.
        preference_a, preference_b: a number above 0 where a (b) is better; its size is the strength.
        annotator: who voted.
        status: true, `discarded` or `skipped` is a skip; `draft` and `pending` are no vote yet.
    """

    path: Paths
    label: Paths | None = None
    preference_a: Path | None = None
    preference_b: Path | None = None
    annotator: Paths | None = None
    status: Path | None = None


class Tree(Section):
    """Where rows are conversations that branch, or their single messages.

    Attributes:
        root: the first message; the paths below start at a message.
        id, parent: in a table of single messages, a message's id and that of the one before it.
        text, role, replies, rank: what is said, by whom, what follows it, and its place among replies (0 is best).
        deleted: true where a message does not count.
    """

    root: Path | None = None
    id: Path | None = None
    parent: Path | None = None
    text: Path
    role: Path
    replies: Path | None = None
    rank: Path | None = None
    deleted: Path | None = None


class Columns(Section):
    """Section `data.columns`: a preset, and columns that it does not say or says otherwise.

    Attributes:
        preset: name of a known schema, or None.
        prompt, system: what is answered; a text, transcript or messages. Without a prompt the answers hold it.
        addition: a text that belongs to the prompt and stands after it on a line of its own.
        chosen, rejected: the better answer and the worse one.
        completion_a, completion_b: two answers of which `label`, a preference or scores say which is better.
        completions: one list of answers, or several columns with one answer each.
        completion: one answer a row; neighbouring rows with the same prompt belong together.
        label: a verdict in words, or an object of columns {a: ..., b: ..., tie: ...} of which one is 1.
        preference_a, preference_b: a number above 0 where a (b) is better, 0 for a tie; its size is the strength.
        strength: how much better the winner is, at least 0.
        score_a, score_b: scores of the two answers (of chosen and rejected too); equal ones are a tie.
        scores, ranks: of several answers; a higher score is better, a lower rank is.
        score: of the one answer of a row.
        model_a, model_b, models, annotator: names.
        id: what the user calls the row; several rows may have the same.
        turn: number of the last round of the conversations that counts.
        rounds: whether the prompt is a list of the user's turns, and each answer a list of the assistant's.
        strip: whether white space around texts is dropped.
        votes, tree: see there.
    """

    preset: str | None = None
    prompt: Paths | None = None
    system: Paths | None = None
    addition: Paths | None = None
    chosen: Paths | None = None
    rejected: Paths | None = None
    completion_a: Paths | None = None
    completion_b: Paths | None = None
    completions: Paths | None = None
    completion: Paths | None = None
    label: Paths | dict[Word, Path] | None = None
    preference_a: Paths | None = None
    preference_b: Paths | None = None
    strength: Paths | None = None
    score_a: Paths | None = None
    score_b: Paths | None = None
    scores: Paths | None = None
    ranks: Paths | None = None
    score: Paths | None = None
    model_a: Paths | None = None
    model_b: Paths | None = None
    models: Paths | None = None
    annotator: Paths | None = None
    id: Paths | None = None
    turn: Path | None = None
    rounds: bool | None = None
    strip: bool | None = None
    votes: Votes | None = None
    tree: Tree | None = None
