"""A campaign's next batch: properties over all its parameters, on tiny fixed worlds."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from prefloop.campaign.batch import campaign_labels, issue, open_batch
from prefloop.campaign.issued import BATCH_SCHEMA, ISSUED, is_untouched, waiting
from prefloop.campaign.overlap import people_wanted
from prefloop.config.model import Campaign
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.io.arrays import read_table, write_table
from prefloop.pool.steps import blind_candidates
from tests.campaign.worlds import said
from tests.identity.worlds import FixedModel, Untrained, listed_table, responses_table, some_pairs
from tests.worlds import make_params

LISTED, RESPONSES = listed_table().problem, responses_table().problem
WORLDS = {"listed": LISTED, "responses": RESPONSES}
NOTHING, BASE = ISSUED.empty_table(), make_params()


def params_of(**changes):
    campaign = Campaign.model_validate(BASE.campaign.model_dump() | changes)
    # Prompts with the fewest labels always come first.
    even = BASE.policies["thinned"].model_dump()
    even["batch"]["gamma"] = "infinity"
    policies = {**BASE.policies, "even": Policy.model_validate(even)}
    return BASE.model_copy(update={"campaign": campaign, "policies": policies})


@st.composite
def campaigns(draw):
    """Parameters of a campaign, small against the pool or larger than it."""
    initial, batch = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    audit = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    return params_of(
        policy=draw(st.sampled_from(["thinned", "random", "bald", "prompt_entropy", "dts"])),
        initial=initial,
        batch=batch,
        buffer=draw(st.integers(0, min(initial, batch) - 1)),
        audit=audit,
        relabel=draw(st.sampled_from([0.0, 0.3, 1.0])) * (1 - audit),
        annotators_per_pair=draw(st.integers(1, 3)),
        overlap=draw(st.sampled_from([0.0, 0.5, 1.0])),
        seed=draw(st.integers(0, 3)),
    )


def everything(problem):
    """All listed pairs of the pool, or the first two responses of each prompt."""
    pool = problem.pool
    return Pairs(pool.a, pool.b, pool.prompt) if len(pool.a) else some_pairs(problem, 100)


def answered(problem, words):
    """Labels that three people and a name of the data gave to pairs of the pool, in any order."""
    return said(problem, everything(problem), dict(zip(("one", "two", "data", "three"), words, strict=False)))


words = st.lists(st.text("aabbtns.....", max_size=60), max_size=4)


def rows_of(problem, issued):
    """Issued pairs by row, in order of issue, each once."""
    place = {name: row for row, name in enumerate(problem.prepared.completion_ids.to_pylist())}
    sides = {(place[row["completion_a"]], place[row["completion_b"]]): None for row in issued.to_pylist()}
    a, b = np.array(list(sides), dtype=np.int64).reshape(-1, 2).T
    return Pairs(a, b, problem.prepared.completion_prompt[a].astype(np.int64))


def rounds_of(issued):
    rounds = {}
    for row in issued.to_pylist():
        rounds.setdefault(row["round"], []).append(row)
    return rounds


@settings(max_examples=30, deadline=None)
@given(campaigns(), st.sampled_from(list(WORLDS)), words, st.booleans())
def test_without_a_new_label_a_campaign_stays_as_it_is(tmp_path_factory, params, world, words, trained):
    problem = WORLDS[world]
    model, labels = (FixedModel if trained else Untrained)(), answered(problem, words)
    issued = issue(params, problem, model, labels, NOTHING)
    path = tmp_path_factory.mktemp("record") / "issued.parquet"
    write_table(path, issued)
    written = path.read_bytes()
    again = issue(params, problem, model, labels, read_table(path))
    write_table(path, again)
    assert path.read_bytes() == written
    assert open_batch(problem, labels, again).equals(open_batch(problem, labels, issued))


@settings(max_examples=30, deadline=None)
@given(campaigns(), st.sampled_from(list(WORLDS)), words)
def test_a_batch_holds_new_pairs_and_disputed_ones(params, world, words):
    problem = WORLDS[world]
    config, labels = params.campaign, answered(problem, words)
    issued = issue(params, problem, FixedModel(), labels, NOTHING)
    labelled = {row["pair_id"]: row for row in labels.pairs.to_pylist()}
    new = [row for row in issued.to_pylist() if row["kind"] != "relabel"]
    assert len({row["pair_id"] for row in new}) == len(new)
    assert not {row["pair_id"] for row in new} & labelled.keys()
    assert people_wanted(config, [row["pair_id"] for row in new]).tolist() == [row["annotators"] for row in new]
    known = campaign_labels(labels, problem)
    for number, (round_, rows) in enumerate(rounds_of(issued).items()):
        assert round_ == number + 1 + labels.last_round
        assert [row["order"] for row in rows] == list(range(len(rows)))
        kinds = Counter(row["kind"] for row in rows)
        assert len(rows) <= (config.batch if len(known.pairs) or number else config.initial)
        assert abs(kinds["audit"] - config.audit * len(rows)) <= 1 or kinds["policy"] == 0
        assert kinds["relabel"] <= config.relabel * config.batch + 1
        assert {(row["n_labels"], row["n_decided"]) for row in rows} == {(len(known.pairs), len(known.decided))}
    for row in issued.to_pylist():
        again = row["kind"] == "relabel"
        assert (row["probability"] is None) == (row["member_logits"] is None) == again
        assert (row["policy"] is None) == (row["kind"] != "policy")
        if again:
            votes = sum(value for name, value in labelled[row["pair_id"]].items() if name.startswith("votes_"))
            assert row["annotators"] == votes + 1 <= 2 * config.annotators_per_pair + 1
            assert votes < labels.annotators


def test_disputed_pairs_of_the_audit_slice_are_not_asked_about_again():
    params = params_of(audit=0.5, relabel=0.5, initial=8, batch=8)
    first = issue(params, LISTED, Untrained(), answered(LISTED, []), NOTHING)
    labels = said(LISTED, rows_of(LISTED, first), {"x": "a" * 8, "y": "b" * 8, "z": ""})
    again = issue(params, LISTED, FixedModel(), labels, first).slice(8)
    kinds = dict(zip(first["pair_id"].to_pylist(), first["kind"].to_pylist(), strict=True))
    asked = again.filter(pc.equal(again["kind"], "relabel"))["pair_id"].to_pylist()
    assert sorted(asked) == sorted(pair for pair, kind in kinds.items() if kind == "policy")
    assert "audit" in kinds.values()


@settings(max_examples=20, deadline=None)
@given(campaigns(), st.sampled_from(list(WORLDS)), words)
def test_little_waits_only_where_the_policy_is_offered_nothing_more(params, world, words):
    problem, labels = WORLDS[world], answered(WORLDS[world], words)
    issued = issue(params, problem, FixedModel(), labels, NOTHING)
    rest = waiting(issued, labels.pairs)["pair_id"].to_pylist()
    assert rest == [pair for pair in issued["pair_id"].to_pylist() if pair in set(rest)]
    if is_untouched(pa.chunked_array([rest], pa.string()), labels.pairs).sum() <= params.campaign.buffer:
        rule = params.policies[params.campaign.policy].pairs
        known = campaign_labels(labels, problem).pairs
        taken = Pairs.join(known, rows_of(problem, issued))
        assert not len(blind_candidates(problem.pool, rule, taken, params.campaign.seed))


@pytest.mark.parametrize("problem", [LISTED, RESPONSES], ids=["listed", "responses"])
def test_predictions_are_those_of_the_model_that_chose(problem):
    labels = said(problem, some_pairs(problem, 3), {"x": "aba"})
    rows = issue(params_of(audit=0.5), problem, FixedModel(), labels, NOTHING)
    rewards = FixedModel().rewards(problem.pool_completions)
    place = {name: row for row, name in enumerate(problem.prepared.completion_ids.to_pylist())}
    for row in rows.to_pylist():
        logits = rewards[:, place[row["completion_a"]]] - rewards[:, place[row["completion_b"]]]
        assert row["member_logits"] == logits.tolist()
        assert row["probability"] == pytest.approx(expit(logits.astype(float)).mean())
    assert {row["kind"] for row in rows.to_pylist()} == {"audit", "policy"}


def test_an_untrained_model_predicts_nothing_and_the_cold_start_chooses():
    rows = issue(
        params_of(policy="bald", cold_start="random", audit=0.3),
        LISTED,
        Untrained(),
        answered(LISTED, []),
        NOTHING,
    )
    assert rows["probability"].null_count == rows["member_logits"].null_count == len(rows) == 6
    assert set(rows["policy"].to_pylist()) == {"random", None}


def audits(params, model, labels, problem=LISTED):
    rows = issue(params, problem, model, labels, NOTHING)
    return rows.filter(pc.equal(rows["kind"], "audit"))["pair_id"].to_pylist()


@pytest.mark.parametrize("problem", [LISTED, RESPONSES], ids=["listed", "responses"])
def test_what_is_audited_depends_on_no_model_no_verdict_and_no_policy(problem):
    class Other(FixedModel):
        def rewards(self, features):
            return -3 * super().rewards(features)

    pairs = some_pairs(problem, 6)
    labels = said(problem, pairs, {"x": "aabbab"})
    picks = audits(params_of(policy="bald", audit=0.5, batch=8), FixedModel(), labels, problem)
    assert len(picks) >= 3
    for policy, model, verdicts in (
        ("bald", Other(), "aabbab"),
        ("bald", FixedModel(), "bbatns"),
        ("thinned", Other(), "b" * 6),
    ):
        changed = params_of(policy=policy, audit=0.5, batch=8)
        assert audits(changed, model, said(problem, pairs, {"x": verdicts}), problem) == picks
    assert audits(params_of(policy="bald", audit=0.5, batch=8, seed=1), FixedModel(), labels, problem) != picks


def test_a_choice_without_a_model_looks_at_no_verdict():
    pairs, params = some_pairs(LISTED, 8), params_of(audit=0.4, annotators_per_pair=2, overlap=0.5)
    batches = [
        issue(params, LISTED, FixedModel(), said(LISTED, pairs, {"x": verdicts, "y": verdicts[::-1]}), NOTHING)
        for verdicts in ("aabbabab", "bababbaa")
    ]
    assert batches[0].equals(batches[1])


def test_a_new_batch_stands_behind_what_waits_and_counts_it_as_acquired():
    params = params_of(policy="even", cold_start="even", initial=6, batch=5, buffer=3)
    first = issue(params, LISTED, Untrained(), answered(LISTED, []), NOTHING)
    rows = rows_of(LISTED, first.slice(0, 3))
    labels = said(LISTED, rows, {"x": "aba"})
    issued = issue(params, LISTED, FixedModel(), labels, first)
    assert issued.slice(0, 6).equals(first)
    assert issued["round"].to_pylist() == [0] * 6 + [1] * 5
    batch = open_batch(LISTED, labels, issued)
    assert batch.schema.equals(BATCH_SCHEMA)
    assert batch["pair_id"].to_pylist() == issued["pair_id"].to_pylist()[3:]
    # With one label fewer, one more waits than the buffer has.
    fewer = said(LISTED, rows, {"x": "ab"})
    assert issue(params, LISTED, FixedModel(), fewer, first).equals(first)
    # As many prompts as there are come before any a second time, those that wait among them.
    prompts = issued["prompt_id"].to_pylist()
    assert len(set(prompts)) == len(prompts)


def test_second_answers_that_nobody_gives_keep_no_batch_from_coming():
    """One person labels alone, and each pair wants two: the batch grows at its end, the rest stays in front."""
    params = params_of(initial=6, batch=5, buffer=2, annotators_per_pair=2, overlap=1.0)
    issued = issue(params, LISTED, Untrained(), answered(LISTED, []), NOTHING)
    for round_ in range(1, 4):
        before, answers = issued, len(issued) - params.campaign.buffer
        few = said(LISTED, rows_of(LISTED, before), {"me": "a" * (answers - 1)})
        assert issue(params, LISTED, FixedModel(), few, before).equals(before)
        labels = said(LISTED, rows_of(LISTED, before), {"me": "a" * answers})
        issued = issue(params, LISTED, FixedModel(), labels, before)
        assert issue(params, LISTED, FixedModel(), labels, issued).equals(issued)
        assert issued.slice(0, len(before)).equals(before)
        assert issued["round"].to_pylist()[len(before) :] == [round_] * 5
        assert open_batch(LISTED, labels, issued)["pair_id"].equals(issued["pair_id"])


def test_a_pair_that_waits_is_not_asked_about_once_more():
    """Two people disagree about it, a third is wanted, and may have it on the screen."""
    pairs = some_pairs(LISTED, 2)
    params = params_of(relabel=1.0, annotators_per_pair=3, batch=4)
    labels = said(LISTED, pairs, {"x": "aa", "y": "bb", "z": ""})
    rows = issue(params, LISTED, FixedModel(), labels, NOTHING)
    rows = rows.filter(pc.equal(rows["kind"], "relabel"))
    assert rows["annotators"].to_pylist() == [3, 3]
    behind = issue(
        params_of(relabel=1.0, annotators_per_pair=3, batch=4, buffer=3), LISTED, FixedModel(), labels, rows
    )
    assert behind["kind"].to_pylist()[2:] == ["policy"] * 4


def test_nobody_is_asked_about_a_dispute_whom_there_is_not():
    pairs, params = some_pairs(LISTED, 2), params_of(relabel=0.5, annotators_per_pair=2, batch=4)
    two = said(LISTED, pairs, {"x": "aa", "y": "bb"})
    assert set(issue(params, LISTED, FixedModel(), two, NOTHING)["kind"].to_pylist()) == {"policy"}
    three = said(LISTED, pairs, {"x": "aa", "y": "bb", "z": ""})
    kinds = issue(params, LISTED, FixedModel(), three, NOTHING)["kind"].to_pylist()
    assert Counter(kinds) == {"policy": 2, "relabel": 2}
