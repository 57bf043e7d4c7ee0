import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.embed.windows import Frame, Ids, fit_answers, fit_prompt
from prefloop.errors import ConfigError

FRAME = Frame((101,), (102,), 16)
# Two letters and long texts, so that cutting does make answers identical.
letters = st.lists(st.integers(1, 2), max_size=40).map(tuple)


def framed(ids: Ids) -> Ids:
    return FRAME.head + ids + FRAME.tail


@given(letters, st.lists(letters, min_size=1, max_size=6))
def test_different_answers_stay_different_and_fit(prompt: Ids, answers: list[Ids]) -> None:
    full = [framed(prompt + answer) for answer in answers]
    fed, counts = fit_answers(framed(prompt), full, FRAME)
    for mine, cut in zip(full, fed, strict=True):
        assert len(cut) <= FRAME.max_length
        assert cut[:1] == FRAME.head
        assert cut[-1:] == FRAME.tail
        if len(mine) <= FRAME.max_length and not counts["pairs_saved"]:
            assert cut == mine
    assert len(set(full)) == len(set(fed))
    assert [fed[full.index(ids)] for ids in full] == fed
    assert counts["same_tokens"] == sum(full.count(ids) > 1 for ids in full)


@given(letters, letters.filter(lambda ids: len(ids) <= 14))
def test_an_answer_that_fits_stays_whole(prompt: Ids, answer: Ids) -> None:
    (fed,), counts = fit_answers(framed(prompt), [framed(prompt + answer)], FRAME)
    assert fed[1:-1] == (prompt + answer)[-14:]
    assert counts["answer_cut"] == 0
    assert counts["prompt_cut"] == (len(prompt + answer) > 14)


@given(letters)
def test_a_prompt_loses_its_beginning_behind_the_head(prompt: Ids) -> None:
    fed = fit_prompt(framed(prompt), FRAME)
    assert (
        fed == framed(prompt) if len(prompt) <= 14 else fed == (101, *prompt[-14:], 102)[:1] + framed(prompt)[-15:]
    )


def test_the_window_moves_to_the_first_difference() -> None:
    same = tuple(range(1, 31))
    fed, counts = fit_answers(framed((50,)), [framed((50, *same, 7, 7)), framed((50, *same, 8, 8))], FRAME)
    assert fed == [framed((*range(24, 31), 7, 7)), framed((*range(24, 31), 8, 8))]
    assert counts == {"same_tokens": 0, "prompt_cut": 2, "answer_cut": 2, "pairs_saved": 1}


def test_repetitive_answers_of_different_length_stay_different() -> None:
    answers = [framed((9,) * n) for n in (30, 31, 32, 7, 8, 14, 15)]
    fed, _ = fit_answers(framed((9, 9)), answers, FRAME)
    assert len(set(fed)) == len(answers)


def test_a_hopelessly_short_length_is_refused() -> None:
    frame = Frame((), (), 1)
    with pytest.raises(ConfigError, match="cannot keep the 9 different answers"):
        fit_answers((), [(5,) * n for n in range(1, 10)], frame)
