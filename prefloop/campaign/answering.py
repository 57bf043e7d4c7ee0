"""A campaign's batch put to one annotator: the simulated oracle stands in for people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import Params
from prefloop.data.compared import read_comparisons
from prefloop.data.prepared import load_prepared
from prefloop.errors import NothingLeft, StateError
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.comparison import Annotator
from prefloop.labels.label import Label, label_of
from prefloop.labels.log import LabelLog, Mark, News
from prefloop.labels.table import read_label_table
from prefloop.oracle.answers import load_answers
from prefloop.oracle.simulated import SimulatedAnnotator, SimulatedOracle


def answer_batch(params: Params, layout: Layout, limit: int | None) -> dict[str, Any]:
    """Append the hidden answers of the current batch's unlabelled pairs to the label log.

    Args:
        params: parameters in force (section `oracle`).
        layout: where batch, prepared tables and log lie.
        limit: answer at most so many, or None.

    Returns:
        round, number of labels and count of each verdict.

    Raises:
        NothingLeft: the batch is empty or wholly labelled.
        DataError: a pair has no hidden answer.
        StateError: the batch is missing, or was made from other data.
    """
    batch, prepared = read_table(layout.batch), load_prepared(layout.prepared)
    simulated = SimulatedOracle(params.oracle, prepared, load_answers(layout.prepared, prepared))
    given = label_batch(batch, SimulatedAnnotator(simulated, prepared), "oracle", layout, limit)
    verdicts = Counter(label.verdict for label in given)
    return {"round": given[0].round, "labels": len(given), "verdicts": dict(verdicts)}


def label_batch(
    batch: pa.Table, annotator: Annotator, source: str, layout: Layout, limit: int | None
) -> list[Label]:
    """Put what of a batch has no label to an annotator, and append its answers.

    What has a label is known from the labelled table and the lines behind it: the log as a whole is not read.
    The log stays locked meanwhile: two annotators at once do not answer the same pairs twice.

    Args:
        batch: a table of `batch.BATCH_SCHEMA`.
        annotator: who is asked.
        source: who that is, for the log.
        layout: where prepared tables, labelled table and log lie.
        limit: ask about at most so many, or None.

    Returns:
        The appended labels.

    Raises:
        NothingLeft: the batch is empty or wholly labelled.
        StateError: the batch was made from other data.
    """
    before, mark = _labelled_before(layout.label_table)

    def answer(news: News) -> list[Label]:
        done = news.lines["pair_id"].filter(pc.is_valid(news.lines["verdict"])).chunks
        done = [*([] if news.is_whole else before.chunks), *done]
        is_done = pc.is_in(batch["pair_id"], value_set=pa.chunked_array(done, pa.string()))
        waiting = batch.filter(pc.invert(is_done)).slice(0, limit)
        if not len(waiting):
            raise NothingLeft(f"{layout.batch} has no unlabelled comparison: {_remedy(batch, news)}")
        try:
            comparisons = read_comparisons(layout.prepared, waiting)
        except StateError as error:
            raise StateError(
                f"{layout.batch} does not belong to {layout.prepared}: run dvc repro for a new batch ({error})"
            ) from None
        answers = zip(comparisons, annotator.ask(comparisons), waiting["round"].to_pylist(), strict=True)
        return [label_of(c, a, annotator=annotator.name, source=source, round_=r) for c, a, r in answers]

    return LabelLog(layout.labels, mark).answer(answer)


def _remedy(batch: pa.Table, news: News) -> str:
    """What brings further comparisons: a round brings none where no line of the log is behind the last one."""
    if news.is_whole or len(news.lines):
        return "run dvc repro for the next batch"
    if not len(batch):
        return "every pair that the policy may choose has its labels, and the campaign is at its end"
    return (
        f"{len(batch)} comparisons want the word of further people (campaign.annotators_per_pair), and this "
        "annotator is one: let people answer (prefloop campaign run), or rehearse with several simulated ones "
        "(prefloop campaign rehearse)"
    )


def _labelled_before(table: Path) -> tuple[pa.ChunkedArray, Mark]:
    """Pairs with a label in the labelled table, and how far in the log it goes; none where it is unusable."""
    try:
        labels = read_label_table(table)
    except StateError:
        return pa.chunked_array([], pa.string()), Mark()
    return labels.pairs["pair_id"], labels.mark
