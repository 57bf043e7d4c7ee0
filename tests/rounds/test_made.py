"""A step is skipped only where what it reads and what it wrote are as they were."""

from __future__ import annotations

import pytest

from prefloop.rounds.made import Made, key_of

KEY = key_of(a=1)


@pytest.fixture
def step(tmp_path):
    output, calls = tmp_path / "out", []

    def make():
        calls.append(1)
        output.mkdir(exist_ok=True)
        for name in ("one", "two"):
            (output / name).write_text("content")

    def once(key=KEY):
        before = len(calls)
        Made(tmp_path / "state").once("step", key, make, output)
        return len(calls) > before

    assert once()
    return once, output


def test_nothing_changed(step):
    once, _ = step
    assert not once()


def test_another_key(step):
    once, _ = step
    assert once(key_of(a=2))
    assert once()


@pytest.mark.parametrize(
    "damage",
    [
        lambda output: (output / "one").unlink(),
        lambda output: (output / "one").write_text("cut"),
        lambda output: (output / "three").write_text("more"),
        lambda output: output.rename(output.with_name("elsewhere")),
    ],
    ids=["a missing file", "a damaged file", "a file too many", "no folder"],
)
def test_an_output_that_is_not_as_it_was_written_is_made_again(step, damage):
    once, output = step
    damage(output)
    assert once()
    assert {path.name for path in output.iterdir()} >= {"one", "two"}


def test_a_step_that_fails_leaves_no_mark(tmp_path):
    def fail():
        raise RuntimeError

    made = Made(tmp_path)
    made.once("step", KEY, lambda: None)
    with pytest.raises(RuntimeError):
        made.once("step", key_of(a=2), fail)
    seen = []
    made.once("step", KEY, lambda: seen.append(1))
    assert seen
