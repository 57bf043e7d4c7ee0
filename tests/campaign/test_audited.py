"""The audit slice counts votes by definition."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from prefloop.campaign.audited import audited
from prefloop.campaign.issued import ISSUED
from prefloop.labels.aggregate import standing_votes
from tests.campaign.campaigns import issued_of, lines_of
from tests.labels.helpers import label


def _audited(issued, *labels):
    return audited(issued, standing_votes(lines_of(*labels)))


@pytest.mark.parametrize(
    ("verdicts", "share"),
    [(["a"], 1.0), (["b"], 0.0), (["tie"], 0.5), (["a", "a", "b"], 2 / 3), (["a", "tie"], 0.75)],
)
def test_the_score_is_that_of_a_further_vote(verdicts, share):
    labels = [label(1, annotator=f"ann-{n}", verdict=verdict) for n, verdict in enumerate(verdicts)]
    slice_ = _audited(issued_of(1, probability=0.8), *labels)
    assert slice_.share.tolist() == [pytest.approx(share)]
    expected = share * np.log(0.8) + (1 - share) * np.log(0.2)
    assert slice_.scores.tolist() == [pytest.approx(expected)]
    assert slice_.correct.tolist() == [pytest.approx(share)]


@pytest.mark.parametrize("verdict", ["both_bad", "skip"])
def test_who_compares_nothing_has_no_vote(verdict):
    assert len(_audited(issued_of(1), label(1, verdict=verdict))) == 0


def test_an_adjudication_is_the_only_vote_but_not_in_the_agreement():
    votes = [label(1, annotator="x"), label(1, annotator="y"), label(1, verdict="b", purpose="adjudication")]
    slice_ = _audited(issued_of(1), *votes)
    assert slice_.share.tolist() == [0.0]
    assert slice_.votes.tolist() == [[2, 0, 0]]


def test_only_audit_pairs_with_votes_each_by_its_first_issue():
    issued = pa.concat_tables(
        [
            issued_of(1, 2, n_labels=10, probability=0.6),
            issued_of(3, kind="policy"),
            issued_of(1, 4, n_labels=90, probability=0.9),
        ]
    )
    slice_ = _audited(issued, *(label(n) for n in (4, 3, 1)))
    assert slice_.n_labels.tolist() == [10, 90]
    assert slice_.probability.tolist() == [0.6, 0.9]


def test_a_model_that_was_not_trained_predicted_nothing():
    issued = pa.concat_tables([issued_of(1, probability=None, n_labels=0), issued_of(2)])
    slice_ = _audited(issued, label(1), label(2))
    assert len(slice_) == 2
    assert slice_.predicted.n_labels.tolist() == [10]


@pytest.mark.filterwarnings("error")
def test_a_record_that_was_lost_predicted_nothing():
    slice_ = _audited(issued_of(1, probability=None, n_labels=None), label(1))
    assert slice_.n_labels.tolist() == [0]
    assert len(slice_.predicted) == 0


def test_a_sure_model_has_a_finite_score():
    assert np.isfinite(_audited(issued_of(1, probability=1.0), label(1, verdict="b")).scores).all()


def test_a_campaign_without_anything():
    assert len(audited(ISSUED.empty_table(), standing_votes(lines_of()))) == 0
