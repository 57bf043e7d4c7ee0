import dataclasses

import pytest

from prefloop.report.curves import verdict
from prefloop.report.finding import Question, find
from prefloop.report.numbers import Against, Conclusion, Difference, Duel, Saving

RISE = Difference(value=-0.5, difference=0.1, low=0.05, high=0.15)
QUESTION = Question(
    outcome="test log-likelihood over the whole curve",
    target="`prompts` (every prompt counts once)",
    reference="random",
    model_free=frozenset({"thinned", "random_prompts"}),
    seeds=6,
    min_seeds=3,
    worthwhile=0.2,
)


def conclusion(reasons=(), best="thinned"):
    return Conclusion(
        conclusive=not reasons, reasons=list(reasons), best_baseline=best, level=0.01, reference_rise=RISE
    )


def duel(difference, half, saved=(0.0, -0.5, 0.5), baseline="thinned", **opened):
    area = Difference(
        value=-0.5 + difference, difference=difference, low=difference - half, high=difference + half
    )
    numbers = dict(zip(("saved", "saved_low", "saved_high"), saved, strict=True))
    more = {"beyond": False, "open_low": False, "open_high": False} | opened
    saving = Saving(efficiency=1 / (1 - saved[0]), **numbers, **more, labels_to_target=None, never=True)
    against = Against(baseline=baseline, area=area, verdict=verdict(area), saving=saving)
    return Duel(area=area, against_random=against, against_best=against)


def found(duels, reasons=(), seeds=6, wanted=18, best="thinned"):
    question = dataclasses.replace(QUESTION, seeds=seeds)
    return find(question, conclusion(reasons, best), duels, dict.fromkeys(duels, wanted))


BETTER = duel(0.05, 0.01, (0.4, 0.3, 0.5))
EQUAL = duel(0.001, 0.01, (0.02, -0.1, 0.15))
WORSE = duel(-0.05, 0.01, (-0.5, -0.9, -0.2))
WIDE = duel(0.01, 0.02, (0.1, -0.2, 0.5))
THINNED = duel(0.04, 0.01, (0.3, 0.2, 0.4), baseline="random")
NO_BETTER = duel(0.002, 0.01, (0.03, -0.1, 0.18), baseline="random")


def test_a_better_policy_is_worth_it():
    of = found({"x": BETTER, "y": WIDE, "thinned": THINNED})
    assert (of.finding, of.advice, of.choose) == ("worth it", "choose by policy", "x")
    assert (of.policy, of.baseline, of.saved, of.more_seeds) == ("x", "thinned", 0.4, None)
    assert of.sentence == (
        "**Worth it** under the target `prompts` (every prompt counts once), by test log-likelihood over the "
        "whole curve, with 6 seeds: x learns faster than thinned, the best choice that needs no model: x saves "
        "40% of the labels (saving: 30% to 50%)."
    )
    assert of.advice_sentence == "**Choose by x.**"


def test_a_higher_curve_that_is_not_better_hides_no_better_one():
    of = found({"x": BETTER, "y": duel(0.06, 0.07, (0.5, -0.1, 0.8))})
    assert (of.finding, of.policy) == ("worth it", "x")


def test_where_no_worthwhile_saving_is_left_random_is_advised():
    of = found({"x": EQUAL, "y": WORSE, "thinned": NO_BETTER})
    assert (of.finding, of.advice, of.choose, of.more_seeds) == (
        "not worth it",
        "choose at random",
        "random",
        None,
    )
    assert "no policy with a model saves 20% of the labels against thinned" in of.sentence
    assert of.advice_sentence.startswith("**Choose at random**")


def test_what_needs_no_model_and_is_better_than_random_is_advised_where_a_model_adds_nothing():
    of = found({"x": EQUAL, "thinned": THINNED})
    assert (of.finding, of.advice, of.choose) == ("not worth it", "choose by policy", "thinned")
    assert of.advice_sentence.startswith("**Choose by thinned**: better than random, and needs no model")


@pytest.mark.parametrize("open_high", [False, True])
def test_where_a_saving_is_possible_more_seeds_are_wanted(open_high):
    of = found({"x": duel(0.01, 0.02, (0.1, -0.2, 0.15 if open_high else 0.5), open_high=open_high)})
    assert (of.finding, of.advice, of.choose) == ("cannot be told", "cannot be told", None)
    assert of.more_seeds == 18
    assert "about 18 seeds more" in of.advice_sentence
    assert "in 80% of comparisons" in of.advice_sentence


def test_until_a_model_is_decided_what_needs_none_is_advised():
    of = found({"x": WIDE, "thinned": THINNED})
    assert (of.finding, of.advice, of.choose, of.more_seeds) == (
        "cannot be told",
        "choose by policy",
        "thinned",
        18,
    )
    assert "Whether a model adds to it cannot be told: about 18 seeds more" in of.advice_sentence


def test_without_a_model_the_question_is_about_what_needs_none():
    of = found({"thinned": THINNED, "random_prompts": NO_BETTER})
    assert (of.finding, of.policy, of.baseline, of.choose) == ("worth it", "thinned", "random", "thinned")
    assert "thinned learns faster than random: thinned saves 30%" in of.sentence


def test_a_saving_that_is_open_on_both_sides_is_not_told():
    of = found({"x": duel(0.01, 0.02, (0.1, -7.0, 0.875), open_low=True, open_high=True)})
    assert of.saved is None
    assert "labels saved cannot be told" in of.sentence
    assert "700%" not in of.sentence


def test_what_cannot_conclude_says_why_and_how_many_seeds_are_missing():
    few = found({"x": BETTER}, ["2 seeds"], seeds=2, wanted=None)
    assert (few.finding, few.more_seeds, few.reasons) == ("cannot be told", 1, ["2 seeds"])
    assert "at least one seed more" in few.advice_sentence
    assert found({"x": BETTER}, ["2 seeds"], seeds=2, wanted=7).more_seeds == 7
    flat = found({"x": BETTER}, ["random does not improve"])
    assert (flat.finding, flat.more_seeds, flat.choose) == ("cannot be told", None, None)
    assert "random does not improve" in flat.sentence
    assert "More labels, more seeds, other features" in flat.advice_sentence


def test_where_shared_prompts_vary_too_much_no_number_of_seeds_is_named():
    of = found({"x": WIDE}, wanted=None)
    assert "more test prompts may" in of.advice_sentence


def test_without_policies_there_is_nothing_to_find():
    of = found({})
    assert (of.finding, of.policy, of.baseline, of.choose) == ("cannot be told", None, None, None)
    assert "no policy was compared with random" in of.sentence
