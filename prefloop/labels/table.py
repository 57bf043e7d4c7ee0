"""Label table: what a log says by pair, written once a round beside the log's snapshot, and its pool rows."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import load_params, packaged_params
from prefloop.config.model import Labels
from prefloop.data.pairs import Pairs
from prefloop.data.prepared import Prepared
from prefloop.errors import DataError, StateError
from prefloop.io.arrays import read_table, write_table
from prefloop.io.atomic import atomic_path
from prefloop.io.json import to_json
from prefloop.labels.aggregate import AGGREGATED, aggregate
from prefloop.labels.labelled import Labelled
from prefloop.labels.lines import read_lines
from prefloop.labels.log import Mark, size_of
from prefloop.labels.soft import SoftLabels
from prefloop.labels.verdicts import COMPARED

log = logging.getLogger("prefloop")

_FACTS = b"prefloop"
_COPIED = 1 << 22


@dataclass(frozen=True)
class LabelTable:
    """What a label log says, by pair.

    Attributes:
        pairs: a table of `aggregate.AGGREGATED`.
        lines: answers in the log, those without a verdict included.
        last_round: the latest round that has a label, -1 when there is none.
        annotators: who has judged anything, but for the names under which labels stood in the data.
        mark: how far the log was read.
        config: section `labels`, by which soft labels were made.
    """

    pairs: pa.Table
    lines: int
    last_round: int
    annotators: int
    mark: Mark
    config: Labels

    def among(self, prepared: Prepared, within: slice) -> Labelled:
        """The labelled pairs by row, in order of their first label.

        Pairs whose completions are no longer there (the data or the split changed) are left out with a warning;
        their lines stay in the log.

        Args:
            prepared: rows of the completions.
            within: the completions that may be labelled: the pool's, or all.

        Raises:
            DataError: a label whose completions belong to two prompts.
        """
        pairs, in_pool = _rows(self.pairs, prepared, within)
        verdicts = pc.index_in(self.pairs["verdict"], pa.array(COMPARED)).to_numpy().astype(np.int8)
        if not in_pool.all():
            log.warning(
                "%d labelled pairs are not in the pool of the prepared data and are left out; the log keeps them",
                int((~in_pool).sum()),
            )
        soft = SoftLabels(*(self.pairs[name].to_numpy() for name in ("share_a", "weight")))
        return Labelled(pairs.take(in_pool), verdicts[in_pool], soft.take(in_pool))


def take_snapshot(
    path: Path, copy: Path, table: Path, config: Labels, prepared: Prepared | None = None
) -> LabelTable:
    """Copy the log as it stands now, check it, and write what it says by pair.

    Stages depend on the copy: a verdict appended while they work would otherwise be recorded as consumed by
    them. A line that is no label leaves both files as they were.

    Args:
        path: the log; nobody waits with a verdict while it is copied.
        copy: the snapshot.
        table: the labelled table.
        config: section `labels`, by which soft labels are made.
        prepared: the data, so that labels of its completions must name their prompt.

    Raises:
        DataError: the log is missing (it is committed empty and must never be deleted), a line is no label, or
            names another prompt than that of its completions.
    """
    size = size_of(path)
    if size is None:
        raise DataError(f"{path} is missing: restore it from version control, or create it empty")
    with atomic_path(copy) as temporary:
        _copy(path, temporary, size)
        labels = _read(temporary, path, config, size)
        if prepared is not None and (wrong := _of_other_prompts(labels.pairs, prepared)):
            pair, got, prompt = wrong[0]
            expected = f"{prompt}, the prompt of its completions in the data ({len(wrong)} such labels)"
            raise DataError.at(path, _row_of(temporary, pair), "prompt_id", got, expected)
    facts = {
        "lines": labels.lines,
        "last_round": labels.last_round,
        "annotators": labels.annotators,
        "mark": asdict(labels.mark),
        "config": config.model_dump(mode="json"),
    }
    write_table(table, labels.pairs.replace_schema_metadata({_FACTS: to_json(facts)}))
    return labels


def read_label_table(table: Path) -> LabelTable:
    """The table that `take_snapshot` wrote.

    Raises:
        StateError: it is missing, damaged, or of another version.
    """
    pairs = read_table(table)
    facts = (pairs.schema.metadata or {}).get(_FACTS)
    if facts is None or not pairs.schema.equals(AGGREGATED):
        raise StateError(f"{table} is damaged (other columns): run the stage labels again (dvc repro)")
    read = json.loads(facts)
    mark, config = Mark(**read["mark"]), Labels(**read["config"])
    return LabelTable(pairs, read["lines"], read["last_round"], read["annotators"], mark, config)


def current_labels(path: Path, table: Path, config: Labels | None = None) -> LabelTable:
    """What a log says now: from its table where that is of the log as it stands, else from the log itself.

    Args:
        path: the log.
        table: the labelled table.
        config: section `labels`, by which soft labels are made; None: as the table has them, or the packaged one.

    Raises:
        DataError: a line that is no label.
    """
    size, labels = size_of(path), _table_of(table)
    if size is None:
        raise DataError(f"{path} is missing: restore it from version control, or create it empty")
    config = config or (labels.config if labels is not None else load_params(packaged_params()).labels)
    if labels is not None:
        with open(path, "rb") as handle:
            is_whole = labels.mark.size == size and labels.mark.stands_in(handle, size)
            if is_whole and labels.config == config:
                return labels
    return _read(path, path, config, size)


def _table_of(table: Path) -> LabelTable | None:
    """The table if it is there and of this version; the log has all that it says."""
    try:
        return read_label_table(table) if table.is_file() else None
    except StateError as error:
        log.warning("%s; the log is read instead", error)
        return None


def warn_of_late_labels(path: Path, copy: Path) -> None:
    """Say so when verdicts were appended after the snapshot: this round did not see them.

    DVC hashes the log after the snapshot was taken, so a verdict that falls between the two is
    recorded as seen; the next `dvc repro` then needs to be told.
    """
    late = path.stat().st_size - copy.stat().st_size if path.exists() else 0
    if late:
        log.warning(
            "%s has changed by %d bytes since its snapshot: run dvc repro again, and if it says that nothing "
            "changed, dvc repro -f -s labels && dvc repro",
            path,
            late,
        )


def _copy(path: Path, copy: Path, size: int) -> None:
    with open(path, "rb") as log, open(copy, "wb") as handle:
        while block := log.read(min(_COPIED, size - log.tell())):
            handle.write(block)


def _read(path: Path, name: Path, config: Labels, size: int) -> LabelTable:
    with open(path, "rb") as handle:
        lines, rows = read_lines(handle, name, end=size)
        mark = Mark.at(handle, size, rows)
    judged = pc.is_valid(lines["verdict"])
    rounds = pc.max(lines["round"].filter(judged)).as_py()
    asked = pc.and_(judged, pc.invert(pc.starts_with(lines["source"], "data:")))
    annotators = pc.count_distinct(lines["annotator"].filter(asked)).as_py()
    pairs, last_round = aggregate(lines, config), -1 if rounds is None else rounds
    return LabelTable(pairs, len(lines), last_round, annotators, mark, config)


def _of_other_prompts(labels: pa.Table, prepared: Prepared) -> list[tuple[str, str, str]]:
    """Labels of completions in the data that name another prompt: pair, the prompt named, and the right one."""
    places = pc.index_in(labels["completion_a"], prepared.completion_ids)
    there = labels.filter(pc.is_valid(places))
    rows = prepared.completion_prompt[pc.drop_null(places).to_numpy().astype(np.int64)]
    right = prepared.prompt_ids.take(pa.array(rows))
    wrong = pc.not_equal(there["prompt_id"], right)
    columns = (
        there["pair_id"].filter(wrong),
        there["prompt_id"].filter(wrong),
        right.filter(wrong.combine_chunks()),
    )
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _row_of(path: Path, pair: str) -> int:
    """The first row of a log that has a label of a pair."""
    with open(path, "rb") as handle:
        return next(row for row, line in enumerate(handle, start=1) if pair.encode() in line)


def _rows(labels: pa.Table, prepared: Prepared, within: slice) -> tuple[Pairs, np.ndarray]:
    pool = prepared.completion_ids[within]

    def rows(ids: pa.ChunkedArray) -> np.ndarray:
        places = pc.fill_null(pc.index_in(ids, pool), -1).to_numpy().astype(np.int64)
        return np.where(places >= 0, places + within.start, -1)

    a, b = rows(labels["completion_a"]), rows(labels["completion_b"])
    in_pool = (a >= 0) & (b >= 0)
    prompts = prepared.completion_prompt
    mixed = np.flatnonzero(in_pool & (prompts[np.maximum(a, 0)] != prompts[np.maximum(b, 0)]))
    if mixed.size:
        first = labels.slice(int(mixed[0]), 1).to_pylist()[0]
        raise DataError(
            f"label of pair {first['pair_id']}: its completions belong to two prompts; expected two "
            f"completions of prompt {first['prompt_id']} ({mixed.size} such labels)"
        )
    return Pairs(a, b, prompts[np.maximum(a, 0)]), in_pool
