import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prefloop.embed.plan import plan


@given(st.lists(st.integers(1, 300), max_size=80), st.integers(1, 9))
def test_covers_every_text_once_in_batches_of_falling_length(lengths: list[int], batch_size: int) -> None:
    batches = plan(np.array(lengths, dtype=np.int64), batch_size)
    order = [int(row) for batch in batches for row in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[row] for row in order] == sorted(lengths, reverse=True)
    assert all(len(batch) == batch_size for batch in batches[:-1])


def test_equal_lengths_keep_their_order() -> None:
    assert [batch.tolist() for batch in plan(np.array([5, 7, 5, 7]), 3)] == [[1, 3, 0], [2]]
