"""What the benchmark says of a file in which no prompt recurs, and of one in which some do."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import thinned_random
from benchmarks.thinned_random import measure, parameters
from tests.cli.conftest import write_rows

SIZES = (10, 10, 6)


def made(tmp_path, pairs, prompts):
    content = [
        {"prompt": f"q {n % prompts}", "completion_a": f"a {n}", "completion_b": f"b {n}", "label": "ab"[n % 2]}
        | {"domain": "here" if n % prompts % 5 else "there"}
        for n in range(pairs)
    ]
    return write_rows(tmp_path / "made.jsonl", content)


@pytest.mark.parametrize("where", [(None, None), ("domain=here", "domain=there")])
def test_where_no_prompt_recurs_all_picks_are_equal(tmp_path, monkeypatch, capsys, where):
    path = made(tmp_path, 200, 200)
    options = [
        option for name, of in zip(("--where", "--ood-where"), where, strict=True) if of for option in (name, of)
    ]
    options += ["--initial", "10", "--batch", "10", "--rounds", "6", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", ["thinned_random", "--data", str(path), *options])
    thinned_random.main()
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["prompts"]) == (200, 200)
    for name in ("as_it_is", "prompts_that_occur_once"):
        assert found[name]["no_prompt_recurs"]
        assert found[name]["identical"]
        assert found[name]["seeds"] == 2
    for run in found["as_it_is"]["runs"]:
        assert run["pairs"] == run["prompts"] < (200 if where[0] is None else 160)
        assert run["picks"] == run["picks_of_both"] == run["equal_before_the_first_difference"] == 50


def test_recurring_prompts_are_counted_and_told(tmp_path):
    """150 prompts once, then 25 of them a second to fifth time."""
    content = [
        {"prompt": f"q {n}", "completion_a": f"a {n}", "completion_b": f"b {n}", "label": "a"} for n in range(150)
    ]
    content += [
        {"prompt": f"q {n % 25}", "completion_a": f"c {n}", "completion_b": f"d {n}", "label": "b"}
        for n in range(100)
    ]
    path = write_rows(tmp_path / "made.jsonl", content)
    found = measure(parameters(path, None, None), 2, SIZES)
    assert (found["pairs"], found["prompts"]) == (250, 150)
    some, once = found["as_it_is"], found["prompts_that_occur_once"]
    assert not some["no_prompt_recurs"]
    assert not some["identical"]
    for run in some["runs"]:
        assert 0 < run["recurring_prompts"] <= 25
        assert run["pairs_of_recurring_prompts"] == 5 * run["recurring_prompts"]
        assert run["pairs"] - run["prompts"] == 4 * run["recurring_prompts"]
        assert 0 <= run["equal_before_the_first_difference"] < run["picks"] == 50
        assert run["picks_of_both"] < 50
    assert once["no_prompt_recurs"]
    assert once["identical"]
    assert [run["pairs"] for run in once["runs"]] == [
        run["prompts"] - run["recurring_prompts"] for run in some["runs"]
    ]
