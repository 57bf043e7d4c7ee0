from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from prefloop.embed.check import check_vectors, near_prompts
from prefloop.embed.features import Features
from prefloop.errors import ModelError

PAIRS = np.arange(0, 42, 2)


def features(change: dict[int, float] | None = None, equal: int = 0) -> Features:
    rng = np.random.default_rng(0)
    completions = rng.standard_normal((40, 4)).astype(np.float32)
    completions[1 : 2 * equal : 2] = completions[0 : 2 * equal : 2]
    for row, value in (change or {}).items():
        completions[row, 1] = value
    return Features(completions, rng.standard_normal((20, 4)).astype(np.float32), {})


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e20, 3e38])
def test_vectors_of_no_use_as_numbers(value: float) -> None:
    with pytest.raises(ModelError, match=r"the vector of row 7 of the completions has length .*normalise"):
        check_vectors(features({7: value}), PAIRS, "tiny")


def test_a_prompts_vector_is_checked_too() -> None:
    wrong = features()
    wrong.prompts[3, 0] = np.nan
    with pytest.raises(ModelError, match="row 3 of the prompts has length nan"):
        check_vectors(wrong, PAIRS, "tiny")


def test_an_encoder_that_tells_no_two_answers_apart(caplog: pytest.LogCaptureFixture) -> None:
    assert check_vectors(features(), PAIRS, "tiny")["equal_pairs"] == 0
    assert check_vectors(features(equal=5), PAIRS, "tiny")["equal_pairs"] == 0.25
    assert "in 25.0% of the pairs both answers have the same vector" in caplog.text
    with pytest.raises(ModelError, match=r"same vector in 100\.0% of the pairs, so nothing can be learnt"):
        check_vectors(features(equal=20), PAIRS, "tiny")


def test_near_prompts_are_those_of_another_question_on_another_side() -> None:
    vectors = np.eye(6, dtype=np.float32) * 5
    vectors[1] = vectors[0] * 2 + 0.01
    vectors[3] = vectors[2]
    vectors[5] = vectors[4]
    questions = pa.array(["a", "b", "c", "c", "e", "f"])
    splits = pa.array(["test", "pool", "auto", "auto", "ood", "pool"])
    assert near_prompts(vectors, splits, questions) == {"cosine": 0.98, "looked_at": 3, "found": 1}
    assert near_prompts(vectors, pa.array(["auto"] * 6), questions)["found"] == 4
    assert near_prompts(vectors, pa.array(["pool"] * 6), questions) == {"cosine": 0.98, "looked_at": 0, "found": 0}
