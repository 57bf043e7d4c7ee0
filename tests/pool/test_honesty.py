"""No policy sees what nobody has asked, but for the oracle upper bounds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from prefloop.acquisition.registry import ORACLE_UPPER_BOUNDS
from tests.pool.runs import ON_RESPONSES, PARAMS
from tests.worlds import open_world


def permuted(votes, rows, rng):
    result = votes.copy()
    result[rows] = votes[rng.permutation(rows)]
    return result


class Recorder:
    """Hidden answers whose verdicts can be permuted; remembers what was asked."""

    def __init__(self, problem, hidden, params):
        from prefloop.oracle.simulated import SimulatedOracle

        self.oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
        self.known = {}

    def listed(self, a, b):
        return self.oracle.listed(a, b)

    def scores(self, rows):
        return self.oracle.scores(rows)

    def verdicts(self, a, b):
        answers = self.oracle.verdicts(a, b)
        self.known.update(zip(zip(a.tolist(), b.tolist(), strict=True), answers.tolist(), strict=True))
        return answers


def acquired_by(problem, hidden, oracle, params, name, tmp_path, rounds):
    from prefloop.pool.loop import PoolRun, RunSpec
    from prefloop.rounds.driver import play_rounds
    from prefloop.rounds.store import RoundStore

    benchmark = params.benchmark.model_copy(update={"rounds": rounds})
    spec = RunSpec(name, params.policies[name], 0, benchmark, params.reward, "none")
    workflow = PoolRun(problem, hidden, oracle, spec)
    records = play_rounds(workflow, RoundStore(tmp_path, "x", workflow.form, {}), lambda *_: None)
    shutil.rmtree(tmp_path)
    return [record.batch.pairs.a.tolist() for record in records]


def without_revealed(problem, hidden, revealed, rng):
    """Hidden answers with those permuted that belong to no revealed pair: votes, or scores."""
    from prefloop.oracle.answers import Answers
    from prefloop.oracle.hidden import HiddenAnswers

    prepared, votes, scores = problem.prepared, hidden.answers.votes, hidden.answers.scores
    if np.isfinite(scores).any():
        seen = {row for pair in revealed for row in pair}
        rows = np.array([row for row in range(prepared.completions_of("pool").stop) if row not in seen])
        changed = Answers(votes, permuted(scores, rows, rng))
        assert not np.array_equal(changed.scores, scores)
    else:
        keys = list(zip(prepared.pair_a.tolist(), prepared.pair_b.tolist(), strict=True))
        rows = np.array([row for row in range(prepared.pairs_of("pool").stop) if keys[row] not in revealed])
        changed = Answers(permuted(votes, rows, rng), scores)
        assert not np.array_equal(changed.votes, votes)
    return HiddenAnswers(changed, hidden.evaluation)


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_unrevealed_answers_changes_no_next_selection(world_of, name, tmp_path):
    """With the labels so far fixed, what nobody has asked cannot be seen, except by an oracle upper bound."""
    world = world_of(name)
    problem, hidden = open_world(world, PARAMS)
    recorder = Recorder(problem, hidden, PARAMS)
    before = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "a", 2)
    # Selections up to round 2 depend on the labels of rounds 0 and 1 alone.
    full = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "b", 3)
    assert full[:2] == before
    revealed = {pair for a in full[:2] for pair in recorder.known if pair[0] in a}
    other = without_revealed(problem, hidden, revealed, np.random.default_rng(5))
    again = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "c", 3)
    assert (again == full) == (PARAMS.policies[name].pairs.rule not in ORACLE_UPPER_BOUNDS)


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_test_and_ood_answers_changes_no_selection(world_of, name, tmp_path):
    from prefloop.oracle.answers import Answers
    from prefloop.oracle.evaluated_pairs import evaluation_sets
    from prefloop.oracle.hidden import HiddenAnswers

    world = world_of(name)
    problem, hidden = open_world(world, PARAMS)
    rng = np.random.default_rng(5)
    outside = np.arange(problem.prepared.pairs_of("pool").stop, len(problem.prepared.pair_a))
    unseen = np.arange(problem.prepared.completions_of("pool").stop, len(problem.prepared.completion_ids))
    answers = Answers(permuted(hidden.answers.votes, outside, rng), permuted(hidden.answers.scores, unseen, rng))
    assert not np.array_equal(answers.votes, hidden.answers.votes) or name in ON_RESPONSES
    other = HiddenAnswers(answers, evaluation_sets(problem.prepared, answers))
    expected = acquired_by(problem, hidden, Recorder(problem, hidden, PARAMS), PARAMS, name, tmp_path / "a", 3)
    got = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "b", 3)
    assert got == expected
