"""Labels that stand in the data: copied into the log once, and used as any label."""

from __future__ import annotations

import pyarrow as pa
import pytest

from prefloop.errors import DataError
from prefloop.io.arrays import read_table, write_table
from prefloop.io.hashing import pair_id
from prefloop.labels.log import LabelLog
from prefloop.oracle.votes import COLUMNS, import_votes
from prefloop.pool.problem import division_of
from tests.labels.helpers import label
from tests.pool.campaign.walk import repro, resolved
from tests.worlds import make_params, make_world, pair_records

PARAMS = make_params()
SCHEMA = pa.schema([(name, pa.float64() if name == "strength" else pa.string()) for name in COLUMNS])


@pytest.fixture
def layout(tmp_path):
    made = make_world(tmp_path, pair_records(prompts=20, pairs=60), PARAMS)
    made.labels.parent.mkdir()
    made.labels.touch()
    return made


def listed(layout, split="pool"):
    """Ids of a split's listed pairs: pair, prompt, and both completions."""
    from prefloop.data.prepared import load_prepared

    prepared = division_of(load_prepared(layout.prepared), PARAMS.data, None).prepared
    rows, ids = prepared.pairs_of(split), prepared.completion_ids.to_pylist()
    for a, b, prompt in zip(prepared.pair_a[rows], prepared.pair_b[rows], prepared.pair_prompt[rows], strict=True):
        yield pair_id(ids[a], ids[b]), prepared.prompt_ids[int(prompt)].as_py(), ids[a], ids[b]


def write_votes(layout, *votes):
    """Votes: ids, verdict, annotator, strength."""
    rows = [dict(zip(COLUMNS, (*ids, *rest, "mine.jsonl"), strict=True)) for ids, *rest in votes]
    write_table(layout.prepared / "votes.parquet", pa.Table.from_pylist(rows, SCHEMA))


def test_votes_of_the_pool_are_appended_once_and_named(layout):
    one, two, three, *_ = listed(layout)
    out = next(listed(layout, "test"))
    votes = [(one, "a", "ann", 3.0), (one, "b", None, None), (one, "b", None, 0.5), (two, "both_bad", " ", None)]
    write_votes(layout, *votes, (three, "skip", "ann", None), (out, "a", "ann", None))
    done = import_votes(PARAMS, layout)
    assert (len(done.labels), done.standing, done.outside) == (5, 0, 1)
    lines = LabelLog(layout.labels).read_on().lines.to_pylist()
    assert {line["source"] for line in lines} == {"data:mine.jsonl"}
    of_one = [line for line in lines if line["pair_id"] == one[0]]
    assert sorted((line["annotator"], line["verdict"], line["strength"]) for line in of_one) == [
        ("ann", "a", 3.0), ("data", "b", None), ("data-2", "b", 0.5),
    ]  # fmt: skip
    before = layout.labels.read_bytes()
    assert (import_votes(PARAMS, layout).labels, import_votes(PARAMS, layout).standing) == ([], 5)
    assert layout.labels.read_bytes() == before


def test_a_later_vote_in_the_data_is_added_and_a_campaigns_own_word_stays(layout):
    one, two, *_ = listed(layout)
    ids = dict(zip(COLUMNS, one, strict=False))
    LabelLog(layout.labels).append([label(**ids, verdict="b", annotator="ann")])
    write_votes(layout, (one, "a", "ann", None))
    assert import_votes(PARAMS, layout).labels == []
    write_votes(layout, (one, "a", "ann", None), (two, "a", None, None), (two, "a", None, None))
    assert [one.annotator for one in import_votes(PARAMS, layout).labels] == ["data", "data-2"]


def test_a_vote_on_a_pair_the_other_way_round_is_turned(layout):
    pair, prompt, a, b = next(listed(layout))
    write_votes(layout, ((pair, prompt, b, a), "a", "ann", None))
    [given] = import_votes(PARAMS, layout).labels
    assert (given.completion_a, given.verdict) == (a, "b")


def test_a_pool_without_votes_is_named(layout):
    write_votes(layout, (next(listed(layout, "test")), "a", "ann", None))
    with pytest.raises(DataError, match="none of its 1 votes is on a pair of the pool"):
        import_votes(PARAMS, layout)
    assert layout.labels.read_bytes() == b""


def test_a_campaign_goes_on_from_the_datas_labels(layout):
    pairs = list(listed(layout))[:8]
    write_votes(layout, *((pair, "ab"[number % 2], None, None) for number, pair in enumerate(pairs)))
    import_votes(PARAMS, layout)
    batch = repro(layout)
    assert resolved(layout) == {pair[0]: number % 2 for number, pair in enumerate(pairs)}
    assert len(batch) == PARAMS.campaign.batch
    assert not {row["pair_id"] for row in batch} & {pair[0] for pair in pairs}
    assert {row["round"] for row in batch} == {0}
    assert read_table(layout.label_table)["round"].null_count == len(pairs)
