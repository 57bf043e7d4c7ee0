"""Mappings in force: what each column of one file means, by a preset, by the user's word, or by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from prefloop.config.columns import Columns, Roles, Tree, Verdicts, Votes
from prefloop.config.data import Data
from prefloop.config.presets import presets, proposed
from prefloop.data.readers.names import by_name, id_by_name
from prefloop.data.readers.paths import Get, first_of, getter, heads, is_nothing, narrowed
from prefloop.data.readers.words import Vocabulary
from prefloop.errors import DataError
from prefloop.messages.errors import Reason

# Fields whose several paths are several answers.
_WIDE = ("completions", "scores", "ranks", "models")
# Columns that hold more than text, in the singular and the plural.
_MEDIA: dict[str, Reason] = {
    "image": "image",
    "images": "image",
    "audio": "audio",
    "audios": "audio",
    "video": "video",
    "videos": "video",
}
# Fields that are no path.
_SETTINGS = ("rounds", "strip")


@dataclass(frozen=True)
class Meaning:
    """What the user says of files: section `data`, or the options of a command.

    Attributes:
        columns, verdicts, roles, max_unusable: as in the section.
    """

    columns: Columns = dataclasses.field(default_factory=Columns)
    verdicts: Verdicts | None = None
    roles: Roles | None = None
    max_unusable: float = 0.02

    @classmethod
    def of(cls, data: Data) -> Meaning:
        """That of a section."""
        return cls(data.columns, data.verdicts, data.roles, data.max_unusable)


@dataclass(frozen=True)
class Columned:
    """The mapping of one file.

    Attributes:
        form: name of the form.
        preset: name of the preset in force, or None.
        columns: field -> path, complete.
        gets: field -> function from a row to its value; of several columns of labels `label.a` and so on; of votes
            and trees `votes.path`, `tree.text` and so on.
        used: the columns that are read.
        unused: the others.
        vocabulary: the words of labels.
        roles: the user's and the preset's additions.
        required: columns that every row has, each with its alternatives.
        wide: fields of several answers that stand in columns of their own.
    """

    form: str
    preset: str | None
    columns: Columns
    gets: Mapping[str, Get]
    used: tuple[str, ...]
    unused: tuple[str, ...]
    vocabulary: Vocabulary
    roles: Roles
    required: tuple[tuple[str, ...], ...]
    wide: Mapping[str, tuple[Get, ...]]

    @cached_property
    def media_columns(self) -> tuple[str, ...]:
        """Columns that nobody reads and that may hold images, sounds or videos."""
        return tuple(name for name in self.unused if name.strip().lower() in _MEDIA)

    def media(self, values: Mapping[str, Any]) -> Reason | None:
        """The kind of what a row holds beside its texts in a column that nobody reads: image, audio or video."""
        if not self.media_columns:
            return None
        held = ((_MEDIA.get(name.strip().lower()), values.get(name)) for name in self.media_columns)
        return next((kind for kind, value in held if kind and not is_nothing(value) and value != []), None)

    def missing(self, values: Mapping[str, Any]) -> str | None:
        """A column that every row of this form has and this row has not."""
        return next((names[0] for names in self.required if not any(name in values for name in names)), None)

    def source(self, field: str) -> str:
        """The column behind a field, as it is written; the field's own name where it has none."""
        path = _fields(self.columns).get(field)
        return field if path is None else _written(path)

    def understood(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What each column means, for people: source -> meaning; `row` tells which of several names is there."""
        there = {*self.used}
        paths = _of_rows(_fields(self.columns))
        return {
            self._shown(path, row): field
            for field, path in paths.items()
            if there.intersection(_heads(path, self.used)) and not self._is_absent(field, row)
        }

    def _shown(self, path: str | tuple[str, ...], row: Mapping[str, Any]) -> str:
        """A path as people read it; of several ids the one that a row has."""
        if path == self.columns.id and isinstance(path, tuple):
            path = next((one for one in path if not is_nothing(getter(one, self.used)(row))), path)
        return _written(path if isinstance(path, tuple) or path in self.used else narrowed(path, row))

    def _is_absent(self, field: str, row: Mapping[str, Any]) -> bool:
        """Whether a field that a preset offers inside a column has nothing to read in a row."""
        path = _fields(self.columns)[field]
        inside = isinstance(path, str) and path not in self.used and "." in path
        return inside and field in self.gets and bool(row) and is_nothing(first_of(self.gets[field](row)))


def resolve(names: Sequence[str], meaning: Meaning, path: str) -> Columned:
    """Say what the columns of a file mean.

    Args:
        names: its columns.
        meaning: what the user says of them.
        path: file and row, for messages.

    Raises:
        DataError: no form fits, several presets or columns do, or the user names a column that is not there.
    """
    given = _given(meaning.columns)
    preset = meaning.columns.preset or _told(names, given, path)
    chosen = presets()[preset] if preset else None
    fields = {**(_given(chosen.columns) if chosen else {}), **given}
    if chosen is None:
        fields |= by_name(names, fields, path)
    fields |= id_by_name(names, fields)
    fields = {field: value for field, value in fields.items() if value != ""}
    columns = Columns.model_validate({"preset": preset, **fields})
    _check_there(given, names, path)
    form = _form(columns)
    if form is None:
        raise _no_form(names, path)
    verdicts = {**(chosen.verdicts if chosen else {}), **(meaning.verdicts or {})}
    roles = {**(chosen.roles if chosen else {}), **(meaning.roles or {})}
    paths = _fields(columns)
    used = [name for path_ in _of_rows(paths).values() for name in _heads(path_, names) if name in names]
    if columns.votes is not None:
        # Columns beside a column of votes say who voted.
        used += [name for name in names if name in {f"{columns.votes.path}.{end}" for end in ("users", "status")}]
    return Columned(
        form=form,
        preset=preset,
        columns=columns,
        gets={field: getter(path_, names) for field, path_ in paths.items()},
        used=tuple(dict.fromkeys(used)),
        unused=tuple(name for name in names if name not in used),
        vocabulary=Vocabulary(verdicts, _keys(columns.completion_a), _keys(columns.completion_b)),
        roles=roles,
        required=tuple(tuple(_heads(paths[name], names)) for name in _REQUIRED[form] if name in paths),
        wide={
            field: tuple(getter(one, names) for one in path_)
            for field, path_ in paths.items()
            if field in _WIDE and isinstance(path_, tuple)
        },
    )


def _given(columns: Columns) -> dict[str, Any]:
    return columns.model_dump(exclude_none=True, exclude={"preset"})


def _told(names: Sequence[str], given: Mapping[str, Any], path: str) -> str | None:
    told = [] if set(given) - {"system", "annotator", "label", "id", *_SETTINGS} else proposed(names)
    if len(told) > 1:
        raise DataError(
            f"{path}: got columns of several known data sets ({', '.join(told)}); expected --columns preset=NAME "
            f"(data.columns.preset) to say which, for instance --columns preset={told[0]}"
        )
    return told[0] if told else None


# By the fields that a mapping has; the first that fits.
_FORMS: dict[str, Callable[[Columns], bool]] = {
    "tree": lambda c: c.tree is not None,
    "given pairs": lambda c: c.completion_a is not None and c.completion_b is not None,
    "explicit prompt": lambda c: c.prompt is not None and c.chosen is not None and c.rejected is not None,
    "implicit prompt": lambda c: c.chosen is not None and c.rejected is not None,
    "responses": lambda c: c.prompt is not None and c.completions is not None,
    "single answers": lambda c: c.prompt is not None and c.completion is not None,
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    "tree": ("tree.root", "tree.id"),
    "given pairs": ("prompt", "completion_a", "completion_b", "votes.path"),
    "explicit prompt": ("prompt", "chosen", "rejected"),
    "implicit prompt": ("chosen", "rejected"),
    "responses": ("prompt", "completions"),
    "single answers": ("prompt", "completion"),
}
_KNOWN = (
    "given pairs: prompt, completion_a, completion_b; explicit prompt: prompt, chosen, rejected; "
    "implicit prompt: chosen, rejected; responses: prompt, completions"
)


def _form(columns: Columns) -> str | None:
    return next((name for name, fits in _FORMS.items() if fits(columns)), None)


def _no_form(names: Sequence[str], path: str) -> DataError:
    came = ", ".join(names) if names else "no fields"
    return DataError(
        f"{path}: got the fields {came}; expected those of one form ({_KNOWN}), a known data set, or data.columns "
        "(--columns FIELD=COLUMN) to say what they mean"
    )


def _check_there(given: Mapping[str, Any], names: Sequence[str], path: str) -> None:
    for field, paths in _fields(Columns.model_validate(dict(given))).items():
        if "." in field:
            continue
        several = (paths,) if isinstance(paths, str) else paths
        starts = [name for one in several if one for name in _heads(one, names)]
        if starts and not any(name in names for name in starts):
            raise DataError(
                f"{path}, field '{field}': got the columns {', '.join(names)}; expected {starts[0]}, as "
                "data.columns (--columns) says"
            )


def _fields(columns: Columns) -> dict[str, str | tuple[str, ...]]:
    """Every path of a mapping by the name of its field; those inside votes and trees too."""
    paths: dict[str, Any] = {}
    for field, value in columns:
        if isinstance(value, Votes | Tree):
            paths |= {f"{field}.{inner}": path for inner, path in value if path}
        elif isinstance(value, dict):
            paths |= {f"{field}.{word}": path for word, path in value.items()}
        elif value and field not in ("preset", *_SETTINGS):
            paths[field] = value
    return paths


def _heads(path: str | tuple[str, ...], names: Sequence[str]) -> list[str]:
    return [name for one in ((path,) if isinstance(path, str) else path) for name in heads(one, names)]


def _of_rows(paths: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    """The paths that start at a row, not at a vote or a message inside it."""
    inside = [part for part, start in (("votes.", "votes.path"), ("tree.", "tree.root")) if start in paths]
    starts = ("votes.path", "tree.root")
    return {field: path for field, path in paths.items() if field in starts or not field.startswith(tuple(inside))}


def _keys(path: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The keys under which an answer may stand, as labels name it."""
    several = () if path is None else (path,) if isinstance(path, str) else path
    return tuple(key.strip() for one in several for key in one.split(".")[-1].split("|") if "[" not in key)


def _written(path: str | tuple[str, ...]) -> str:
    return path if isinstance(path, str) else ", ".join(path)
