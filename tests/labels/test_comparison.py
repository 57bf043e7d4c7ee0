from hypothesis import given, settings

from prefloop.io.hashing import completion_id, pair_id, prompt_id
from prefloop.labels.comparison import Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.helpers import comparison, swapped


@settings(max_examples=100, deadline=None)
@given(comparison)
def test_swapping_turns_all_but_the_pair(c):
    other = swapped(c)
    assert other.pair == c.pair
    assert other.ordered == c.ordered
    if not c.is_alike:
        assert other.a_is_lower != c.a_is_lower
        assert [other.turned(v) for v in (A, B)] == [1 - c.turned(v) for v in (A, B)]
    assert c.turned(TIE) == TIE
    assert [c.turned(c.turned(v)) for v in (A, B)] == [A, B]


def test_ids_are_those_of_the_tables():
    c = Comparison("p", "x", "y")
    x, y = (completion_id(prompt_id("p"), t) for t in "xy")
    assert c.pair == pair_id(x, y)
    assert c.ordered == (("x", "y") if x < y else ("y", "x"))
    assert c.ordered[c.turned(A)] == "x"
