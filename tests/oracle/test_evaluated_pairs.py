"""Which pairs models are judged on."""

import numpy as np

from prefloop.data.division import divide
from prefloop.data.prepare import prepare
from prefloop.data.prepared import load_prepared
from prefloop.data.records import PairRecord, ResponsesRecord
from prefloop.io.arrays import read_table
from prefloop.messages.message import Turns
from prefloop.oracle.answers import load_answers
from prefloop.oracle.evaluated_pairs import evaluation_sets
from tests.worlds import make_params, pair_records

DATA = make_params().data


def sets(tmp_path, records):
    prepare(records, DATA.split, tmp_path / "p", DATA.leaks)
    stored = load_prepared(tmp_path / "p")
    division = divide(stored, DATA.split, DATA.split.salt)
    answers = load_answers(tmp_path / "p", stored).take(division.pairs, division.completions)
    return division.prepared, answers, evaluation_sets(division.prepared, answers)


def pair(verdict, number, split="test", annotator=None):
    return PairRecord(Turns(f"q{number}"), Turns("x"), Turns("y"), verdict, "s", split, annotator=annotator)


POOL = [pair("a", 100, "pool")]


def test_only_pairs_outside_the_pool_with_a_winner_count(tmp_path):
    prepared, answers, found = sets(tmp_path, pair_records(ties=0.2))
    assert set(found) == {"test", "ood"}
    for split, pairs in found.items():
        rows = prepared.prompts_of(split)
        assert ((pairs.prompt >= rows.start) & (pairs.prompt < rows.stop)).all()
        votes = answers.votes[prepared.pairs_of(split)]
        assert 0 < len(pairs) == (votes[:, 2] == 0).sum()
        np.testing.assert_array_equal(prepared.completion_prompt[pairs.a], pairs.prompt)
        np.testing.assert_array_equal(prepared.completion_prompt[pairs.b], pairs.prompt)


def test_votes_decide_by_majority_and_draws_are_left_out(tmp_path):
    records = [
        *POOL,
        *(pair("a", 1, annotator=name) for name in "uvw"),
        pair("b", 1, annotator="z"),
        *(pair(verdict, 2, annotator=verdict) for verdict in ("a", "b")),
        pair("tie", 3),
        pair(None, 4),
    ]
    _, _, found = sets(tmp_path, records)
    assert len(found["test"]) == 1
    winner = found["test"].a[0] if found["test"].y[0] else found["test"].b[0]
    assert read_table(tmp_path / "p" / "completions.parquet")["text"][int(winner)].as_py() == "x"


def test_scored_answers_give_every_pair_whose_scores_differ(tmp_path):
    answers = ResponsesRecord(Turns("q"), tuple(map(Turns, "rstu")), (1.0, 2.0, 2.0, 3.0), None, "x", "test")
    _, hidden, found = sets(tmp_path, [*POOL, answers])
    pairs = found["test"]
    assert len(pairs) == 5
    assert (pairs.a < pairs.b).all()
    scores = hidden.scores
    np.testing.assert_array_equal(pairs.y, scores[pairs.a] > scores[pairs.b])


def test_without_answers_there_is_nothing_to_judge_by(tmp_path):
    assert sets(tmp_path, [*POOL, pair(None, 1)])[2] == {}
