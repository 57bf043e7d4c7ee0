import pytest

from prefloop.report.curves import verdict
from prefloop.report.finding import find, seeds_wanted
from prefloop.report.numbers import Against, Conclusion, Difference, Duel, Saving

RISE = Difference(value=-0.5, difference=0.1, low=0.05, high=0.15)


def conclusion(reasons=()):
    return Conclusion(
        conclusive=not reasons, reasons=list(reasons), best_baseline="thinned", level=0.01, reference_rise=RISE
    )


def duel(difference, half, saved=(0.0, -0.5, 0.5), open_high=False, height=None):
    area = Difference(
        value=-0.5 + difference if height is None else height,
        difference=difference,
        low=difference - half,
        high=difference + half,
    )
    saving = Saving(
        efficiency=1 / (1 - saved[0]),
        saved=saved[0],
        saved_low=saved[1],
        saved_high=saved[2],
        beyond=False,
        open_low=False,
        open_high=open_high,
        labels_to_target=None,
        never=True,
    )
    against = Against(baseline="thinned", area=area, verdict=verdict(area), saving=saving)
    return Duel(area=area, against_random=against, against_best=against)


def found(duels, reasons=(), seeds=6):
    return find(conclusion(reasons), duels, seeds, 3, 0.2)


def test_a_better_policy_is_worth_it():
    of = found({"x": duel(0.05, 0.01, (0.4, 0.3, 0.5)), "y": duel(0.01, 0.02)})
    assert (of.finding, of.advice, of.policy, of.baseline) == ("worth it", "choose by policy", "x", "thinned")
    assert (of.saved, of.more_seeds) == (0.4, None)


def test_where_no_worthwhile_saving_is_left_random_is_advised():
    of = found({"x": duel(0.001, 0.01, (0.02, -0.1, 0.15)), "y": duel(-0.05, 0.01, (-0.5, -0.9, -0.2))})
    assert (of.finding, of.advice, of.more_seeds) == ("not worth it", "choose at random", None)


@pytest.mark.parametrize("open_high", [False, True])
def test_where_a_saving_is_possible_more_seeds_are_wanted(open_high):
    saved = (0.1, -0.2, 0.15 if open_high else 0.5)
    of = found({"x": duel(0.01, 0.02, saved, open_high)})
    assert (of.finding, of.advice) == ("cannot be told", "cannot be told")
    # The interval must halve, which takes four times as many: 24 seeds, 18 more.
    assert of.more_seeds == 18


def test_a_policy_that_is_not_above_has_no_number_of_seeds():
    assert seeds_wanted(duel(-0.01, 0.02).against_best, 6) is None
    assert seeds_wanted(duel(0.01, 0.0101).against_best, 6) == 1


def test_what_cannot_conclude_says_why_and_how_many_seeds_are_missing():
    few = found({"x": duel(0.05, 0.01)}, ["2 seeds"], seeds=2)
    assert (few.finding, few.more_seeds, few.reasons) == ("cannot be told", 1, ["2 seeds"])
    flat = found({"x": duel(0.05, 0.01)}, ["random does not improve"])
    assert (flat.finding, flat.more_seeds) == ("cannot be told", None)


def test_without_policies_there_is_nothing_to_find():
    of = found({})
    assert (of.finding, of.policy, of.baseline) == ("cannot be told", None, None)
