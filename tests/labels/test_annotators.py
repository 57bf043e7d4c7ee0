"""The model of annotators: against simulated truth, Dawid-Skene of crowd-kit, and with pairs turned round."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit

from prefloop.labels.annotators import confusion, fit_annotators
from prefloop.labels.verdicts import A, B
from prefloop.labels.votes import votes_of
from tests.labels.votes import simulated


@pytest.fixture(scope="module")
def world():
    table, grade, habit = simulated(0, pairs=1500, people=60, votes=4, ties=1.0, reliability=0.6)
    votes = votes_of(table, "tie")
    people = np.array([int(name.split()[1]) for name in votes.people.to_pylist()])
    return votes, grade[np.array(votes.pair_ids.to_pylist(), dtype=int)], habit[people], fit_annotators(votes)


def test_chances_are_chances(world):
    votes, _, _, model = world
    for chances in (model.grades, model.posterior, model.consensus, confusion(model.said)):
        assert (chances >= 0).all()
        np.testing.assert_allclose(chances.sum(axis=-1), 1)
    np.testing.assert_allclose(model.predict(votes.pair, votes.person).sum(axis=1), 1)


def test_people_are_found_as_they_are(world):
    _, _, habit, model = world
    assert np.corrcoef(model.habits[:, 0], habit[:, 0])[0, 1] > 0.9
    assert np.corrcoef(model.reliability, habit[:, 1])[0, 1] > 0.7
    assert np.corrcoef(model.tie_rate, expit(habit[:, 0]))[0, 1] > 0.8
    # Drawn together, never apart.
    assert model.habits[:, 0].std() < habit[:, 0].std() * 1.1
    np.testing.assert_allclose(model.pooled.spread[0], 1.0, atol=0.25)


def test_what_is_called_sure_is_right_as_often(world):
    _, grade, _, model = world
    better = model.posterior[:, [A, B]]
    right = (better[:, A] > better[:, B]) == (grade > 0)
    known = grade != 0
    stated = better.max(axis=1) / better.sum(axis=1)
    assert abs(right[known].mean() - stated[known].mean()) < 0.03


def test_turning_pairs_round_turns_all_that_is_said_of_them(world):
    votes, _, _, model = world
    turned = np.random.default_rng(1).random(len(votes.pair_ids)) < 0.4
    other = fit_annotators(votes.turned(turned))
    expected = np.where(turned[:, None], model.posterior[:, [1, 0, 2]], model.posterior)
    np.testing.assert_allclose(other.posterior, expected, atol=1e-8)
    np.testing.assert_allclose(other.habits, model.habits, atol=1e-8)
    np.testing.assert_allclose(other.consensus[turned], model.consensus[turned][:, [1, 0, 2]], atol=1e-8)


def test_a_vote_more_for_a_makes_a_likelier():
    rows = [("p", f"w{n}", word) for n, word in enumerate(["a", "a", "b"])]
    rows += [("q", f"w{n}", word) for n, word in enumerate(["a", "a", "a"])]
    rows += [("r", f"w{n}", word) for n, word in enumerate(["a", "tie", "b"])]
    p, q, r = fit_annotators(votes_of(_table(rows), "tie")).posterior
    assert q[A] > p[A] > r[A] == pytest.approx(r[B], abs=0.1)


def test_without_votes_everybody_is_typical():
    model = fit_annotators(votes_of(_table([]), "tie"))
    assert model.posterior.shape == (0, 3)
    lone = fit_annotators(votes_of(_table([("p", "x", "a")]), "tie"))
    assert lone.posterior[0, A] > lone.posterior[0, B]
    assert 0 < lone.tie_rate[0] < 1


def test_votes_without_ties_and_without_doubt_leave_finite_numbers():
    rows = [(f"p{pair}", f"w{who}", "ab"[pair % 2]) for pair in range(200) for who in range(5)]
    model = fit_annotators(votes_of(_table(rows), "tie"))
    assert np.isfinite(model.grades).all()
    assert (model.posterior.max(axis=1) > 0.95).all()


def test_held_out_votes_are_predicted_better_than_by_shares_and_habits(world):
    """The control is the share of votes on the pair times the person's own share of ties."""
    table, _, _ = simulated(3, pairs=1500, people=150, votes=5)
    every = votes_of(table, "tie")
    held = np.zeros(len(every), dtype=bool)
    held[np.unique(every.pair, return_index=True)[1]] = True
    rest, asked = every.take(~held), every.take(held)
    ours = fit_annotators(rest).predict(asked.pair, asked.person)
    share = (rest.counts + 1) / (rest.counts + 1).sum(axis=1, keepdims=True)
    tied = np.bincount(rest.person, rest.verdict == 2, minlength=150) + 5 * (rest.verdict == 2).mean()
    tied /= np.bincount(rest.person, minlength=150) + 5
    habit = np.stack([(1 - tied) / 2, (1 - tied) / 2, tied], axis=1)[asked.person] / rest.counts.mean(axis=0)
    control = share[asked.pair] * habit
    control /= control.sum(axis=1, keepdims=True)
    said = np.arange(len(asked)), asked.verdict
    gain = np.log(ours[said]) - np.log(control[said])
    assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain))


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_dawid_and_skene_of_crowd_kit_find_the_same(world):
    votes, grade, _, model = world
    from crowdkit.aggregation import DawidSkene

    frame = pd.DataFrame({"task": votes.pair, "worker": votes.person, "label": votes.verdict})
    theirs = DawidSkene(n_iter=50).fit(frame).probas_.sort_index()[[0, 1, 2]].to_numpy()
    known = grade != 0
    side = np.where(grade > 0, A, B)
    accuracy = [
        (chances[known][:, [A, B]].argmax(axis=1) == side[known]).mean() for chances in (model.posterior, theirs)
    ]
    assert accuracy[0] >= accuracy[1] - 0.01
    lean = [chances[:, A] - chances[:, B] for chances in (model.posterior, theirs)]
    assert np.corrcoef(*lean)[0, 1] > 0.9
    truth = np.where(known, side, 2)
    ours = np.log(model.posterior[np.arange(len(grade)), truth]).mean()
    assert ours > np.log(theirs[np.arange(len(grade)), truth].clip(1e-9)).mean()


def _table(rows):
    columns = ("pair_id", "annotator", "verdict", "purpose")
    return pa.table(
        {
            name: pa.array([row[at] if at < 3 else None for row in rows], pa.string())
            for at, name in enumerate(columns)
        }
    )
