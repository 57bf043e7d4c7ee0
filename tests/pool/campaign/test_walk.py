"""A labelling campaign, walked with the stages themselves on a small world."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

import stages.acquire
from prefloop.campaign.answering import answer_batch
from prefloop.data.compared import own_ids
from prefloop.data.records import PairRecord
from prefloop.errors import ConfigError, DataError, NothingLeft
from prefloop.io.arrays import read_table, write_table
from prefloop.io.json import read_json
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.table import read_label_table
from prefloop.labels.verdicts import TIE
from prefloop.messages.message import Turns
from prefloop.reward.registry import load_model
from tests.pool.campaign.walk import PARAMS, give, ids, repro, resolved
from tests.worlds import make_params, make_world, open_world, pair_records, response_records


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
    with pytest.raises(NothingLeft, match="has no unlabelled comparison: every pair that the policy may choose"):
        answer_batch(params, layout, None)


def test_a_round_is_the_same_bytes_every_time(layout, tmp_path):
    repro(layout)
    answer_batch(PARAMS, layout, None)
    copy = tmp_path / "copy"
    shutil.copytree(layout.data, copy)
    one, two = layout, type(layout).folder(copy)
    repro(one)
    repro(two)
    for name in ("campaign_model", "campaign_metrics", "batch", "issued"):
        assert getattr(one, name).read_bytes() == getattr(two, name).read_bytes()


EVERY = {"audit": 0.4, "relabel": 0.2, "buffer": 2, "annotators_per_pair": 2, "overlap": 0.5}


def campaign(**changes):
    return make_params(
        campaign__policy="bal_pm", **{f"campaign__{name}": value for name, value in changes.items()}
    )


def written(layout):
    return layout.issued.read_bytes(), layout.batch.read_bytes()


def test_a_campaign_with_everything_goes_on_by_itself_and_stays_as_it_is_without_a_label(layout):
    params = campaign(**EVERY)
    seen = []
    for number in range(6):
        batch = repro(layout, params)
        before = written(layout)
        stages.acquire.run(params, layout)
        assert written(layout) == before
        assert len(batch) > params.campaign.buffer
        # Killed after the record was written: the batch is made again from it.
        layout.batch.unlink()
        stages.acquire.run(params, layout)
        assert written(layout) == before
        who, word = ("ann", "bob", "cy")[number % 3], "ab"[number % 2]
        give(layout, [row for row in batch if (row["pair_id"], who) not in seen], word, who)
        seen += [(row["pair_id"], who) for row in batch]
    issued = read_table(layout.issued).to_pylist()
    assert len({row["round"] for row in issued}) > 3
    assert {row["kind"] for row in issued} == {"policy", "audit", "relabel"}
    assert {row["annotators"] for row in issued} > {1, 2}
    first_issue = {row["pair_id"]: row["round"] for row in reversed(issued)}
    labelled = read_label_table(layout.label_table).pairs.to_pylist()
    assert all(row["round"] >= first_issue[row["pair_id"]] for row in labelled)
    # What was predicted, was by a model that had been given what was labelled by then, and no more.
    for row in issued:
        assert (row["probability"] is None) == (row["n_labels"] == 0 or row["kind"] == "relabel")


def test_hidden_answers_change_nothing_of_what_is_issued(layout, tmp_path):
    """The same log, the answers of the pool dealt out anew: the same batch, and the same predictions."""
    params = campaign(**EVERY)
    batch = repro(layout, params)
    for who in ("ann", "bob"):
        give(layout, batch, annotator=who)
    shutil.copytree(layout.data, tmp_path / "other")
    other = type(layout).folder(tmp_path / "other")
    path = other.prepared / "oracle.parquet"
    hidden = read_table(path)
    order = np.random.default_rng(1).permutation(len(hidden))
    votes = [name for name in hidden.column_names if name.startswith("votes_")]
    shuffled = {name: hidden[name].take(order) if name in votes else hidden[name] for name in hidden.column_names}
    write_table(path, type(hidden).from_pydict(shuffled, schema=hidden.schema))
    assert repro(other, params) == repro(layout, params)
    assert written(other) == written(layout)
    assert len(read_table(layout.issued)) == params.campaign.initial + params.campaign.batch


def test_two_people_are_asked_and_an_adjudication_ends_it(layout):
    params = campaign(annotators_per_pair=2)
    batch = repro(layout, params)
    give(layout, batch, "skip", "ann")
    # Nobody need wait for the second person: new pairs come behind those that have one answer.
    waiting = repro(layout, params)
    assert waiting[: len(batch)] == batch
    assert {row["round"] for row in waiting[len(batch) :]} == {1}
    give(layout, batch[:2], "b", "bob")
    assert repro(layout, params) == waiting[2:]
    give(layout, batch[2:3], "a", "admin", purpose="adjudication")
    assert repro(layout, params) == waiting[3:]
    # A word that was taken back is wanted again, in the place where its pair was.
    give(layout, batch[:1], None, "bob", reason=WITHDRAWN)
    assert repro(layout, params) == batch[:1] + waiting[3:]


def test_a_campaign_of_an_older_version_goes_on(layout, caplog):
    batch = repro(layout)
    give(layout, batch[:2])
    former = read_table(layout.batch).select(list(batch[0])[:9])
    write_table(layout.batch, former)
    layout.issued.unlink()
    assert repro(layout) == batch[2:]
    assert "issued.parquet is missing: it is begun anew with the 6 pairs" in caplog.text
    give(layout, batch[2:])
    new = repro(layout)
    assert {row["round"] for row in new} == {1}
    assert not set(ids(new)) & set(ids(batch))


def test_a_campaign_whose_outputs_are_lost_goes_on_from_its_log(layout):
    params = campaign(annotators_per_pair=2)
    batch = repro(layout, params)
    give(layout, batch, "a", "ann")
    give(layout, batch[:4], "b", "bob")
    shutil.rmtree(layout.campaign)
    waiting = set(ids(repro(layout, params)))
    assert waiting > set(ids(batch[4:]))
    assert not waiting & set(ids(batch[:4]))
    give(layout, batch[4:], "b", "bob")
    assert {row["round"] for row in repro(layout, params)} == {1}


def test_an_oracle_that_is_one_of_several_wanted_people_is_not_sent_round_in_a_circle(layout):
    params = make_params(campaign__annotators_per_pair=2)
    repro(layout, params)
    answer_batch(params, layout, None)
    with pytest.raises(NothingLeft, match="run dvc repro"):
        answer_batch(params, layout, None)
    asked = []

    def until_nobody_is_left():
        for _ in range(100):
            asked.append(repro(layout, params))
            answer_batch(params, layout, None)

    with pytest.raises(NothingLeft, match=r"comparisons want the word of further people.*campaign rehearse"):
        until_nobody_is_left()
    assert len(asked) > 2


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


def test_every_pair_of_a_pool_without_answers_is_offered(tmp_path):
    params = make_params(campaign__initial=120, campaign__batch=120)
    records = [
        PairRecord(Turns(f"question {k % 90}"), Turns(f"yes {k}"), Turns(f"no {k}"), None, "mine", id=f"row-{k}")
        for k in range(300)
    ]
    layout = make_world(tmp_path, records, params)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    offered = []
    for size in (120, 120, 60, 0):
        batch = repro(layout, params)
        assert len(batch) == size
        offered += ids(batch)
        give(layout, batch, "tie")
        metrics = read_json(layout.campaign_metrics)
        assert (metrics["splits"], metrics["n_labels"], metrics["trained"]) == ({}, len(offered) - size, False)
    listed = read_table(layout.prepared / "pairs.parquet")
    assert sorted(offered) == sorted(listed["pair_id"].to_pylist())
    assert sorted(own_ids(layout.prepared, listed)) == sorted([f"row-{k}"] for k in range(300))


def test_disagreement_that_leaves_pairs_undecided_is_told(layout, caplog):
    batch = repro(layout)
    assert read_json(layout.campaign_metrics)["n_disputed"] == 0
    give(layout, batch[:4], "a", "x")
    give(layout, batch[:3], "b", "y")
    give(layout, batch[:1], "a", "z")
    give(layout, batch[3:4], "tie", "y")
    caplog.clear()
    repro(layout)
    assert "2 pairs have as many votes for one answer as for the other, and train nothing (4 pairs" in caplog.text
    assert "labels.aggregate: share" in caplog.text
    metrics = read_json(layout.campaign_metrics)
    assert (metrics["n_disputed"], metrics["n_undecided"]) == (4, 2)
    give(layout, batch[:4], "a", "y")
    caplog.clear()
    repro(layout)
    assert "as many votes" not in caplog.text
    assert read_json(layout.campaign_metrics)["n_disputed"] == 0


def test_a_pool_without_answers_has_a_campaign_and_no_oracle(tmp_path):
    layout = make_world(tmp_path, [replace(record, verdict=None) for record in pair_records()], PARAMS)
    layout.labels.parent.mkdir()
    layout.labels.touch()
    first = repro(layout)
    assert read_json(layout.campaign_metrics)["splits"] == {}
    with pytest.raises(DataError, match=r"6 of 6 asked pairs have no hidden answer.*: prefloop campaign run"):
        answer_batch(PARAMS, layout, None)
    give(layout, first)
    assert {row["round"] for row in repro(layout)} == {1}
    assert read_json(layout.campaign_metrics)["trained"]
