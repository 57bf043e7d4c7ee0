import numpy as np
import pytest

from prefloop.report.conclusion import why_not
from prefloop.report.numbers import Difference, Estimate

LEARNS = Difference(value=-0.5, difference=0.1, low=0.05, high=0.15)
FLAT = Difference(value=-0.5, difference=0.01, low=-0.05, high=0.07)
SURE = Estimate(value=-0.5, low=-0.55, high=-0.45)
TOSS = Estimate(value=-0.68, low=-0.70, high=-0.66)
FLOOR = float(-np.log(2))


def test_a_reference_that_learns_concludes():
    assert why_not(LEARNS, SURE, 3, 3, FLOOR, False) == []
    assert why_not(None, SURE, 3, 8, FLOOR, False) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((LEARNS, SURE, 3, 2, FLOOR, False), "2 seeds: the luck of a run needs at least 3"),
        ((LEARNS, SURE, 3, 1, FLOOR, False), "one seed: "),
        ((FLAT, SURE, 3, 3, FLOOR, False), "does not clearly improve with labels"),
        ((LEARNS, TOSS, 3, 3, FLOOR, False), "not clearly above a coin toss"),
        ((LEARNS, SURE, 3, 3, FLOOR, True), "every prediction is a coin toss"),
    ],
)
def test_each_reason_stands_by_itself(arguments, reason):
    (found,) = why_not(*arguments)
    assert reason in found


def test_what_has_no_interval_is_not_sure():
    nothing = Difference(value=-0.5, difference=0.1, low=None, high=None)
    assert len(why_not(nothing, Estimate(value=-0.5, low=None, high=None), 3, 3, FLOOR, False)) == 2
