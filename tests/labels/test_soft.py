"""Soft labels: what votes train by every parameter, against the definitions, and as weighted comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.data.pairs import Pairs
from prefloop.labels.aggregate import aggregate
from prefloop.labels.labelled import Labelled
from prefloop.labels.lines import table_of
from prefloop.labels.soft import SoftLabels, soft_verdicts
from prefloop.labels.verdicts import TIE, WORDS, A, B
from tests.labels.helpers import label
from tests.worlds import make_params


def config(**changes):
    return make_params(**{f"labels__{name}": value for name, value in changes.items()}).labels


def trains(votes, **changes):
    """share_a and weight of pairs from (pair, who, word, strength, purpose)."""
    log = [
        label(pair, annotator=who, verdict=word, strength=strength, purpose=purpose)
        for pair, who, word, strength, purpose in votes
    ]
    table = aggregate(table_of(log), config(**changes))
    return list(zip(table["share_a"].to_pylist(), table["weight"].to_pylist(), strict=True))


def of(words, **changes):
    """The same of one pair that nobody adjudicated."""
    return trains([(0, f"w{n}", word, None, None) for n, word in enumerate(words)], **changes)[0]


words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(words, st.sampled_from(["none", "half"]), st.sampled_from(["none", "tie"]))
def test_a_share_is_that_of_the_votes(said, ties, both_bad):
    counted = [w for w in said if w != "skip" and (w != "both_bad" or both_bad == "tie")]
    for_a = {"a": 1.0, "b": 0.0}
    each = [for_a.get(w, 0.5) for w in counted if ties == "half" or w in for_a]
    expected = (np.mean(each), len(each) / len(counted)) if each else (None, 0)
    assert of(said, aggregate="share", ties=ties, both_bad=both_bad) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(words, st.sampled_from(["none", "half"]))
def test_a_majority_is_whole_and_a_draw_is_a_tie(said, ties):
    counted = [w for w in said if w not in ("skip", "both_bad")]
    lead = counted.count("a") - counted.count("b")
    tied = (0.5, 1) if ties == "half" and counted else (None, 0)
    assert of(said, ties=ties) == ((float(lead > 0), 1) if lead else tied)


@settings(max_examples=30, deadline=None)
@given(words, st.sampled_from(["majority", "share", "annotators"]), st.sampled_from(["none", "half"]))
def test_turning_a_pair_round_turns_its_label(said, way, ties):
    swap = {"a": "b", "b": "a"}
    share, weight = of(said, aggregate=way, ties=ties, both_bad="tie")
    other = of([swap.get(w, w) for w in said], aggregate=way, ties=ties, both_bad="tie")
    assert other == pytest.approx((None if share is None else 1 - share, weight))


def test_who_is_reliable_weighs_more_and_who_always_ties_says_little():
    truth = ["a", "b"] * 40
    votes = [(pair, who, word, None, None) for pair, word in enumerate(truth) for who in ("good", "sound", "fair")]
    votes += [(pair, "guesser", ["a", "b", "b"][pair % 3], None, None) for pair in range(80)]
    votes += [(pair, "idle", "tie", None, None) for pair in range(80)]
    votes += [(80, "good", "a", None, None), (80, "guesser", "b", None, None)]
    votes += [(81, "good", "a", None, None), (81, "idle", "tie", None, None)]
    labels = trains(votes, aggregate="annotators", ties="half")
    assert labels[80][0] > 0.6
    assert labels[81][0] > 0.9
    assert trains([(0, "x", "a", None, None)], aggregate="annotators")[0][0] == 1
    assert of(["skip", "both_bad"], aggregate="annotators") == (None, 0)


def test_an_adjudication_decides_whatever_the_votes():
    votes = [(0, who, "b", None, None) for who in "xyz"]
    for way in ("majority", "share", "annotators"):
        for word, expected in (("a", (1, 1)), ("tie", (0.5, 1)), ("both_bad", (None, 0)), ("skip", (None, 0))):
            ruled = [*votes, (0, "boss", word, None, "adjudication")]
            assert trains(ruled, aggregate=way, ties="half") == [expected]
        assert trains([*votes, (0, "boss", "tie", None, "adjudication")], aggregate=way) == [(None, 0)]


def test_a_strength_weighs_a_preference():
    votes = [(0, "x", "a", 0.5, None), (0, "y", "b", None, None), (0, "z", "a", 0.5, None)]
    assert trains(votes, strength=True) == [(1, 0.5)]
    assert trains(votes, strength=True, aggregate="share") == [(0.5, pytest.approx(2 / 3))]
    assert trains(votes, strength=False, aggregate="share") == [(pytest.approx(2 / 3), 1)]
    assert trains([(0, "x", "a", 0.0, None)], strength=True) == [(None, 0)]
    weak, strong = (
        trains([(0, "x", "a", one, None)], strength=True, aggregate="annotators")[0][1] for one in (0.5, 1.0)
    )
    assert weak == pytest.approx(strong / 2)


def labelled(verdicts, soft=None, prompts=None):
    count = len(verdicts)
    prompt = np.zeros(count, np.int64) if prompts is None else np.array(prompts)
    return Labelled(
        Pairs(np.arange(count) * 2, np.arange(count) * 2 + 1, prompt), np.array(verdicts, np.int8), soft
    )


def test_hard_labels_are_the_comparisons_they_were():
    hard = labelled([A, TIE, B, A], prompts=[0, 0, 0, 1])
    same = SoftLabels(np.array([1, np.nan, 0, 1]), np.array([1.0, 0, 1, 1]))
    for balance in (0.0, 0.5):
        one, other = hard.comparisons(balance), labelled([A, TIE, B, A], same, [0, 0, 0, 1]).comparisons(balance)
        assert one.labels is other.labels is None
        for name in ("winner", "loser", "weight"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert hard.comparisons().winner.tolist() == [0, 5, 6]
    assert hard.comparisons().weights is None


def test_soft_labels_are_weighted_comparisons_of_as_many_labels():
    soft = SoftLabels(np.array([0.75, np.nan, 0.5, 0.0]), np.array([1.0, 0, 0.5, 1.5]))
    pairs = labelled([A, TIE, TIE, B], soft, [0, 0, 1, 2])
    trained = pairs.comparisons()
    assert trained.winner.tolist() == [0, 1, 4, 5, 7]
    assert trained.label.tolist() == [0, 0, 1, 1, 2]
    assert trained.label_count == 3
    np.testing.assert_allclose(trained.weight.mean(), 1)
    np.testing.assert_allclose(trained.weight * 3 / 5, [0.75, 0.25, 0.25, 0.25, 1.5])
    groups = pairs.groups(np.arange(8))
    assert (groups[[0, 2]] == groups[[1, 3]]).all()


def test_balance_counts_pairs_whether_they_train_one_way_or_both():
    soft = SoftLabels(np.array([0.5, 1.0, 0.5, 1.0]), np.ones(4))
    trained = labelled([TIE, A, TIE, A], soft, [0, 0, 1, 1]).comparisons(1.0)
    per_label = np.bincount(trained.label, trained.weight)
    np.testing.assert_allclose(per_label, per_label[0])


def test_ties_of_single_verdicts():
    np.testing.assert_array_equal(soft_verdicts(np.array([A, B, TIE]), "none").share, [1, 0, np.nan])
    np.testing.assert_array_equal(soft_verdicts(np.array([A, B, TIE]), "half").share, [1, 0, 0.5])
    tied = labelled([TIE, A])
    assert len(tied.with_ties("none").comparisons()) == 1
    assert len(tied.with_ties("half").comparisons()) == 3
    assert len(tied.with_ties("half").by_verdict.comparisons()) == 1
