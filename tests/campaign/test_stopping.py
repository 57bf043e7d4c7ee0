"""The rule and its sentences."""

from __future__ import annotations

import numpy as np
import pytest

from prefloop.campaign.ceiling import Ceiling
from prefloop.campaign.curve import Curve
from prefloop.campaign.stopping import FEWEST_PAIRS, Standing, advise
from prefloop.config.model import Stop
from tests.campaign.campaigns import slice_of

STOP = Stop(min_gain=0.002, confidence=0.9)
ENOUGH = slice_of([-0.5] * FEWEST_PAIRS, [100, 200] * (FEWEST_PAIRS // 2))


def _curve(slope):
    """A curve that is -0.4 at 1000 labels, with a little doubt."""
    slopes = slope * np.linspace(0.5, 1.5, 101)
    curve = Curve(np.zeros(101), slopes, np.full(101, 0.5))
    return Curve(-0.4 - curve.at(1000), slopes, curve.exponent)


def _standing(slope=0.1, audit=ENOUGH, curve=..., **further):
    curve = _curve(slope) if curve is ... else curve
    facts = {"n_labels": 1000, "votes_per_pair": 1.0, "ceiling": None}
    return Standing(audit, curve, **(facts | further))


def test_go_on_while_labels_are_worth_their_price():
    advice = advise(_standing(0.1), STOP)
    assert advice.say == "go on"
    assert "100 further labels add 0.0029 nats (90% interval 0.0016 to 0.0043)" in advice.why[0]
    assert "probability 82%" in advice.why[0]


@pytest.mark.parametrize(("slope", "sentence"), [(0.055, "Go on: the next labels may be"), (0.05, "Stop: ")])
def test_go_on_while_they_may_be(slope, sentence):
    # The gain of a slope b is 0.0294 b, so that b must be 0.068 or more: 1.24 and 1.36 times the mean.
    assert advise(_standing(slope), STOP).sentence.startswith(sentence)


def test_stop_when_they_are_not():
    advice = advise(_standing(0.01), STOP)
    assert advice.say == "stop"
    assert "0.0003 nats" in advice.why[0]
    assert "campaign.annotators_per_pair" in advice.why[1]


@pytest.mark.parametrize(("prompts", "is_told"), [(1, True), (9, True), (10, False)])
def test_few_prompts_are_told(prompts, is_told):
    audit = slice_of([-0.5] * FEWEST_PAIRS, [100, 200] * (FEWEST_PAIRS // 2), np.arange(FEWEST_PAIRS) % prompts)
    told = " ".join(advise(_standing(audit=audit), STOP).why)
    assert (f"of {prompts} prompts: intervals say what other pairs of these would give" in told) == is_told


@pytest.mark.parametrize(("ceiling", "say"), [(-0.45, "more overlap"), (-0.2, "stop")])
def test_more_overlap_when_the_model_is_as_good_as_the_votes_agree(ceiling, say):
    advice = advise(_standing(0.01, ceiling=Ceiling(0.8, 60, ceiling, -0.1)), STOP)
    assert advice.say == say
    assert "agree in 80% (60 pairs with two votes)" in advice.why[1]
    assert f"{ceiling:.3f}" in advice.why[1]


def test_more_overlap_is_never_said_while_new_labels_are_worth_their_price():
    assert advise(_standing(0.1, ceiling=Ceiling(0.8, 60, -0.9, -0.1)), STOP).say == "go on"


def test_two_votes_a_pair_halve_what_a_hundred_labels_bring():
    one, two = _standing().gain(), _standing(votes_per_pair=2.0).gain()
    assert two.mean() == pytest.approx(_curve(0.1).gain(1000, 50).mean())
    assert two.mean() < 0.55 * one.mean()


@pytest.mark.parametrize(
    ("audit", "reason"),
    [
        (slice_of([], []), "campaign.audit"),
        (slice_of([-0.5] * 12, [100, 200] * 6), "12 audit pairs have a vote and a prediction, by 2 models"),
        (slice_of([-0.5] * 99, [100] * 99), "99 audit pairs have a vote and a prediction, by 1 models"),
    ],
)
def test_too_early(audit, reason):
    advice = advise(_standing(audit=audit, curve=_curve(0.1) if len(audit) else None), STOP)
    assert advice.say == "too early"
    assert reason in advice.why[0]


def test_a_spent_budget_and_an_empty_pool_stop_whatever_the_curve():
    spent = advise(_standing(spent=("the budget of labels is spent",)), STOP)
    assert (spent.say, spent.sentence) == ("stop", "Stop: the budget of labels is spent.")
    assert advise(_standing(is_used_up=True, curve=None, audit=slice_of([], [])), STOP).say == "stop"
