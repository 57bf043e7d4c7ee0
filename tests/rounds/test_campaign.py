"""A labelling campaign, walked with the stages themselves on a small world."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from prefloop.errors import ConfigError, DataError, NothingLeft, StateError
from prefloop.io.arrays import read_table, write_table
from prefloop.io.documents import read_json
from prefloop.io.hashing import pair_id
from prefloop.labels.log import Label, append_labels, read_labels
from prefloop.reward.registry import load_model
from prefloop.rounds.resolve import campaign_labels
from prefloop.rounds.simulate import answer_batch
from prefloop.verdicts import TIE
from tests.worlds import make_params, make_world, open_world, pair_records, response_records

# By BAL-PM, whose batches show their terms; the default needs no model.
PARAMS = make_params(campaign__policy="bal_pm", campaign__cold_start="prompt_entropy")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), pair_records(ties=0.1), PARAMS)


@pytest.fixture
def layout(world, tmp_path):
    shutil.copytree(world.data, tmp_path / "w")
    fresh = type(world).folder(tmp_path / "w")
    fresh.labels.parent.mkdir()
    fresh.labels.touch()
    return fresh


def repro(layout, params=PARAMS):
    """One round as `dvc repro` runs it; returns the batch."""
    for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
        stage.run(params, layout)
    return read_table(layout.batch).to_pylist()


def give(layout, rows, verdict="a", annotator="ann"):
    labels = [
        Label(
            **{name: row[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "round")},
            annotator=annotator,
            verdict=verdict,
            timestamp="2024-01-01T00:00:00+00:00",
            source="human",
        )
        for row in rows
    ]
    append_labels(layout.labels, labels)


def ids(batch):
    return [row["pair_id"] for row in batch]


def resolved(layout):
    problem, _ = open_world(layout, PARAMS, None)
    prepared, labelled = problem.prepared, campaign_labels(read_labels(layout.labels), problem)
    names = prepared.completion_ids.to_pylist()
    pairs = [pair_id(names[a], names[b]) for a, b in zip(labelled.pairs.a, labelled.pairs.b, strict=True)]
    return dict(zip(pairs, labelled.verdicts.tolist(), strict=True))


def test_by_default_no_model_is_needed_to_choose_a_batch(layout):
    params = make_params()
    first = repro(layout, params)
    assert len(first) == params.campaign.initial
    give(layout, first)
    second = repro(layout, params)
    assert {row["round"] for row in second} == {1}
    assert not set(ids(second)) & set(ids(first))
    assert all(row["entropy"] is None and row["uncertainty"] is None for row in second)


def test_without_labels_the_first_batch_is_chosen_by_prompt_entropy(layout):
    batch = repro(layout)
    assert [row["round"] for row in batch] == [0] * PARAMS.campaign.initial
    assert [row["order"] for row in batch] == list(range(PARAMS.campaign.initial))
    assert len({row["prompt_id"] for row in batch}) == PARAMS.campaign.initial
    assert all(row["entropy"] is not None for row in batch)
    assert all(row["completion_a"] < row["completion_b"] for row in batch)
    metrics = read_json(layout.campaign_metrics)
    assert (metrics["trained"], metrics["n_labels"]) == (False, 0)
    # An untrained ensemble still gives a coin toss, so that the curve has a beginning.
    assert metrics["splits"]["test"]["log_likelihood"] == pytest.approx(np.log(0.5), abs=0.05)
    assert repro(layout) == batch


def test_a_labelled_batch_gives_the_next_one_and_no_pair_twice(layout):
    seen = []
    for round_ in range(4):
        batch = repro(layout)
        assert {row["round"] for row in batch} == {round_}
        assert len(batch) == (PARAMS.campaign.batch if round_ else PARAMS.campaign.initial)
        seen += ids(batch)
        answer_batch(PARAMS, layout, None)
    assert len(set(seen)) == len(seen)
    repro(layout)
    assert read_json(layout.campaign_metrics)["n_labels"] == len(seen)
    model, about = load_model(layout.campaign_model)
    assert model.epochs.all()
    assert about["label_lines"] == len(seen)


def test_the_rest_of_a_batch_is_asked_first(layout):
    batch = repro(layout)
    give(layout, batch[2:4])
    rest = repro(layout)
    assert rest == batch[:2] + batch[4:]
    give(layout, rest[:3])
    assert repro(layout) == rest[3:]
    give(layout, rest[3:])
    assert {row["round"] for row in repro(layout)} == {1}


@pytest.mark.parametrize("verdict", ["tie", "both_bad", "skip"])
def test_verdicts_without_a_winner_train_nothing_and_are_not_asked_again(layout, verdict):
    batch = repro(layout)
    give(layout, batch, verdict)
    following = repro(layout)
    assert not set(ids(following)) & set(ids(batch))
    metrics = read_json(layout.campaign_metrics)
    assert (metrics["trained"], metrics["n_labels"], metrics["n_undecided"]) == (False, len(batch), len(batch))
    # Nothing is trained, so prompts are still chosen by their entropy alone.
    assert all(row["entropy"] is not None for row in following)


def test_the_majority_of_annotators_decides(layout):
    one, two, three, four, *_ = repro(layout)
    for annotator, verdicts in {"x": "aaba", "y": "abbb", "z": "bbas"}.items():
        for row, verdict in zip((one, two, three, four), verdicts, strict=True):
            give(layout, [row], {"s": "skip"}.get(verdict, verdict), annotator)
    wanted = dict(zip(ids([one, two, three, four]), [0, 1, 1, TIE], strict=True))
    assert resolved(layout) == wanted


def test_the_last_word_of_an_annotator_counts(layout):
    row = repro(layout)[0]
    for verdict, annotator in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("a", "y")):
        give(layout, [row], verdict, annotator)
    assert resolved(layout) == {row["pair_id"]: TIE}
    give(layout, [row], "b", "y")
    assert resolved(layout) == {row["pair_id"]: 1}


def test_an_exhausted_pool_gives_an_empty_batch(layout, caplog):
    pool = sum(read_table(layout.prepared / "prompts.parquet")["split"].to_numpy() == "pool")
    params = make_params(campaign__initial=100_000)
    batch = repro(layout, params)
    pairs = open_world(layout, PARAMS, None)[0].prepared.pairs_of("pool")
    assert len(batch) == pairs.stop > pool
    give(layout, batch)
    assert repro(layout, params) == []
    assert "nothing is left to label: the batch is empty" in caplog.text
    assert repro(layout, params) == []
    with pytest.raises(NothingLeft, match="has no unlabelled comparison"):
        answer_batch(params, layout, None)


def foreign(row, at="0" * 32):
    return {**row, "completion_a": at, "pair_id": pair_id(at, row["completion_b"])}


def test_labels_of_pairs_that_left_the_data_stay_in_the_log(layout, caplog):
    batch = repro(layout)
    give(layout, [foreign(batch[0]), *batch[1:]])
    before = layout.labels.read_bytes()
    assert ids(repro(layout)) == [batch[0]["pair_id"]]
    assert "1 labelled pairs are not in the pool of the prepared data and are left out" in caplog.text
    assert layout.labels.read_bytes() == before
    assert read_json(layout.campaign_metrics)["n_labels"] == len(batch) - 1


def test_labels_of_pairs_that_moved_to_another_split_are_left_out(layout, caplog):
    """Another salt moves prompts from the pool to the test split: nothing tested may be trained on."""
    batch = repro(layout)
    division = open_world(layout, PARAMS, None)[0].division
    test = division.pairs[division.prepared.pairs_of("test").start]
    table = read_table(layout.prepared / "pairs.parquet").to_pylist()[test]
    give(layout, [{**table, "round": 0}, *batch])
    assert {row["round"] for row in repro(layout)} == {1}
    assert "1 labelled pairs are not in the pool" in caplog.text
    assert table["pair_id"] not in resolved(layout)


def test_a_waiting_pair_that_left_the_data_is_dropped_from_the_batch(layout, caplog):
    batch = repro(layout)
    table = read_table(layout.batch)
    rows = [foreign(batch[0]), *batch[1:]]
    write_table(layout.batch, type(table).from_pylist(rows, schema=table.schema))
    assert repro(layout) == batch[1:]
    assert "some pairs of the last batch are no longer in the pool" in caplog.text
    write_table(layout.batch, type(table).from_pylist(rows, schema=table.schema))
    with pytest.raises(StateError, match=r"does not belong to .*: run dvc repro for a new batch"):
        answer_batch(PARAMS, layout, None)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_log_is_a_snapshot_of_no_bytes_and_a_round_of_first_pairs(layout):
    assert layout.labels.read_bytes() == b""
    assert len(repro(layout)) == PARAMS.campaign.initial
    assert layout.label_snapshot.read_bytes() == b""


def test_the_snapshot_is_the_log_byte_by_byte(layout):
    give(layout, repro(layout)[:3])
    stages.labels.run(PARAMS, layout)
    assert layout.label_snapshot.read_bytes() == layout.labels.read_bytes() != b""


def test_a_broken_line_stops_the_campaign_and_changes_nothing(layout):
    batch = repro(layout)
    give(layout, batch[:3])
    with open(layout.labels, "a") as log:
        log.write('{"pair_id": "x"}\n')
    stages.labels.run(PARAMS, layout)
    before = contents(layout.campaign)
    for stage in (stages.train, stages.evaluate, stages.acquire):
        with pytest.raises(DataError, match=r"labels\.jsonl, row 4, field 'prompt_id'"):
            stage.run(PARAMS, layout)
    assert contents(layout.campaign) == before


def test_a_round_is_the_same_bytes_every_time(layout, tmp_path):
    repro(layout)
    answer_batch(PARAMS, layout, None)
    copy = tmp_path / "copy"
    shutil.copytree(layout.data, copy)
    one, two = layout, type(layout).folder(copy)
    repro(one)
    repro(two)
    for name in ("campaign_model", "campaign_metrics", "batch"):
        assert getattr(one, name).read_bytes() == getattr(two, name).read_bytes()


def test_the_oracle_answers_what_waits_and_no_more(layout):
    batch = repro(layout)
    given = answer_batch(PARAMS, layout, 2)
    assert given["labels"] == sum(given["verdicts"].values()) == 2
    assert answer_batch(PARAMS, layout, None)["labels"] == len(batch) - 2
    labels = read_labels(layout.labels)
    assert [label.pair_id for label in labels] == ids(batch)
    hidden = {row["id"]: row for row in read_table(layout.prepared / "oracle.parquet").to_pylist()}
    for label in labels:
        assert (label.annotator, label.source, label.round) == ("oracle", "oracle", 0)
        assert hidden[label.pair_id][f"votes_{label.verdict}"] == 1
    with pytest.raises(NothingLeft):
        answer_batch(PARAMS, layout, None)


def test_the_oracle_without_a_batch_says_what_makes_one(layout):
    with pytest.raises(StateError, match=r"batch\.parquet is missing: run the stage that writes it"):
        answer_batch(PARAMS, layout, None)


@pytest.mark.parametrize("policy", ["bal_pm", "drts", "deltaucb_bal_pm", "fixed_pair"])
def test_a_pool_of_responses_is_labelled_in_formed_pairs(tmp_path, caplog, policy):
    caplog.set_level(logging.INFO)
    params = make_params(campaign__policy=policy)
    layout = make_world(tmp_path, response_records(models=True), params)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    seen = []
    for _ in range(3):
        seen += ids(repro(layout, params))
        answer_batch(params, layout, None)
    assert len(set(seen)) == len(seen) == PARAMS.campaign.initial + 2 * PARAMS.campaign.batch
    kinds = read_table(layout.prepared / "oracle.parquet")["kind"]
    assert pc.unique(kinds).to_pylist() == ["completion"]


def test_a_campaign_refuses_a_rule_about_models_that_nobody_named(tmp_path):
    params = make_params(campaign__policy="fixed_pair", campaign__cold_start="fixed_pair")
    layout = make_world(tmp_path, response_records(), params)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    with pytest.raises(ConfigError, match="do not say which model"):
        repro(layout, params)
    assert not layout.batch.exists()


def test_a_pool_without_answers_has_a_campaign_and_no_oracle(tmp_path):
    layout = make_world(tmp_path, [replace(record, verdict=None) for record in pair_records()], PARAMS)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    first = repro(layout)
    assert read_json(layout.campaign_metrics)["splits"] == {}
    with pytest.raises(DataError, match="6 of 6 asked pairs have no hidden answer"):
        answer_batch(PARAMS, layout, None)
    give(layout, first)
    assert {row["round"] for row in repro(layout)} == {1}
    assert read_json(layout.campaign_metrics)["trained"]


def test_a_label_across_two_prompts_is_refused(layout):
    prepared = open_world(layout, PARAMS, None)[0].prepared
    first, second = prepared.offsets[0], prepared.offsets[1]
    a, b = sorted(prepared.completion_ids[int(row)].as_py() for row in (first, second))
    row = {"pair_id": pair_id(a, b), "prompt_id": "p", "completion_a": a, "completion_b": b, "round": 0}
    give(layout, [row])
    with pytest.raises(DataError, match="belong to two prompts"):
        resolved(layout)
