"""How many people are asked about a pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.campaign.overlap import people_wanted
from tests.worlds import make_params


def config(**changes):
    return make_params(**{f"campaign__{name}": value for name, value in changes.items()}).campaign


IDS = [f"{number:032x}" for number in range(3000)]
HALF = config(annotators_per_pair=3, overlap=0.5)


@given(st.permutations(IDS[:12]), st.integers(0, 12))
def test_it_is_fixed_by_the_pair_whatever_else_is_asked(ids, count):
    alone = {pair: int(people_wanted(HALF, [pair])[0]) for pair in ids[:count]}
    assert people_wanted(HALF, ids[:count]).tolist() == [alone[pair] for pair in ids[:count]]


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_pairs_has_several(share):
    wanted = people_wanted(config(annotators_per_pair=4, overlap=share), IDS)
    assert set(wanted.tolist()) == ({4} if share == 1 else {1} if share == 0 else {1, 4})
    assert (wanted == 4).mean() == pytest.approx(share, abs=0.03)


def test_a_larger_share_holds_the_smaller_one_and_another_seed_has_others():
    few, many = (people_wanted(config(annotators_per_pair=2, overlap=share), IDS) for share in (0.2, 0.6))
    assert (many >= few).all()
    other = people_wanted(config(annotators_per_pair=2, overlap=0.2, seed=5), IDS)
    assert not np.array_equal(few, other)


def test_by_default_one_person_is_asked():
    assert set(people_wanted(config(), IDS).tolist()) == {1}
