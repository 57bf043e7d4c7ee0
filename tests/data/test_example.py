from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Example
from prefloop.config.load import load_params, packaged_params
from prefloop.data.example import generate_example, sample
from prefloop.data.example.completions import SYSTEMS, complete
from prefloop.data.example.phrases import RUDE_OPENINGS
from prefloop.data.example.prompts import MAIN, OTHER, World
from prefloop.data.example.topics import Topic
from prefloop.data.example.utility import score, win_probability
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import ConfigError
from prefloop.messages.message import Turns

DEFAULT = load_params(packaged_params()).data
ROOT = Path(__file__).resolve().parents[2]


def example(**changes: Any) -> Example:
    return Example.model_validate({**DEFAULT.example.model_dump(), **changes})


def pairs(**changes: Any) -> list[PairRecord]:
    records = list(generate_example(example(form="pairs", **changes)))
    assert all(isinstance(record, PairRecord) for record in records)
    return records  # type: ignore[return-value]


def responses(**changes: Any) -> list[ResponsesRecord]:
    records = list(generate_example(example(form="responses", **changes)))
    assert all(isinstance(record, ResponsesRecord) for record in records)
    return records  # type: ignore[return-value]


def digest(records: Iterable[Record]) -> str:
    return hashlib.sha256("\n".join(map(repr, records)).encode()).hexdigest()


def frequencies(records: list[PairRecord]) -> list[int]:
    return sorted(
        Counter(record.prompt.plain for record in records if record.split is None).values(), reverse=True
    )


@pytest.fixture(scope="module")
def default() -> list[PairRecord]:
    return pairs()


@pytest.fixture
def utilities(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], float]:
    """Hidden utility by (prompt, completion) of whatever is generated from here on."""
    known: dict[tuple[str, str], float] = {}

    def noted(prompt: Any, count: int, rng: np.random.Generator) -> Any:
        found = complete(prompt, count, rng)
        known.update({(Turns(prompt.text), Turns(completion.text)): completion.utility for completion in found})
        return found

    monkeypatch.setattr(sample, "complete", noted)
    return known


@pytest.mark.parametrize("form", ["pairs", "responses"])
def test_same_configuration_same_records_in_any_process(form: str) -> None:
    config = example(form=form)
    code = (
        "import hashlib; from prefloop.config.data import Example;"
        "from prefloop.data.example import generate_example;"
        f"config = Example.model_validate_json({config.model_dump_json()!r});"
        "text = chr(10).join(map(repr, generate_example(config)));"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert digest(generate_example(config)) == other.stdout.strip()


def test_another_seed_gives_other_records(default: list[PairRecord]) -> None:
    assert digest(default) != digest(pairs(seed=1))


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 900), st.integers(20, 100), st.floats(0, 5), st.integers(0, 300), st.integers(0, 2**40))
def test_pairs_are_distinct_and_as_many_as_configured(
    n: int, prompts: int, zipf: float, ood: int, seed: int
) -> None:
    records = pairs(pairs=n, prompts=prompts, zipf=zipf, ood_pairs=ood, seed=seed)
    assert Counter(record.split for record in records) == Counter({None: n, "ood": ood})
    assert len(frequencies(records)) == prompts
    assert all(record.completion_a != record.completion_b for record in records)
    keys = {(record.prompt, frozenset((record.completion_a, record.completion_b))) for record in records}
    assert len(keys) == len(records)


def test_prompts_recur_by_zipf(default: list[PairRecord]) -> None:
    counts = frequencies(default)
    assert 200 <= counts[0] <= 0.1 * len(default)
    assert counts[2] >= 75
    assert sum(count == 1 for count in counts) >= 0.3 * len(counts)
    assert counts[0] > DEFAULT.split.max_prompt_share * 3000  # the rule for oversized prompts has work to do


def test_without_zipf_prompts_are_alike_and_a_larger_exponent_is_steeper() -> None:
    heads = [frequencies(pairs(zipf=zipf))[0] for zipf in (0.0, 0.6, 1.1, 2.0)]
    assert heads[0] < 20
    assert heads == sorted(heads)


def test_the_default_is_small_enough_to_embed_in_a_minute(default: list[PairRecord]) -> None:
    texts = {
        (record.prompt.plain, of.plain) for record in default for of in (record.completion_a, record.completion_b)
    }
    texts |= {(record.prompt.plain, "") for record in default}
    assert len(texts) <= 5500
    lengths = [len(text.split()) for _, text in texts if text]
    assert 20 <= np.mean(lengths) <= 50
    assert min(lengths) >= 5


def test_ood_has_other_prompts_topics_and_style(default: list[PairRecord]) -> None:
    main = {record.prompt.plain for record in default if record.split is None}
    ood = {record.prompt.plain for record in default if record.split == "ood"}
    assert not main & ood
    assert all("?" in prompt or "." in prompt or ": " in prompt for prompt in main)

    def tasks(world: World) -> set[str]:
        return {task for topic in world.topics for task, _ in topic.subjects}

    def sentences(topics: Iterable[Topic]) -> set[str]:
        return {text for topic in topics for aspect in topic.aspects for text in aspect[1:]}

    assert not tasks(MAIN) & tasks(OTHER)
    assert not sentences(MAIN.topics) & sentences(OTHER.topics)
    assert not set(MAIN.forms) & set(OTHER.forms)
    assert all(any(task in prompt for task in tasks(OTHER)) for prompt in ood)
    assert not any(task in prompt for task in tasks(OTHER) for prompt in main)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_verdicts_are_bradley_terry(temperature: float, utilities: dict[tuple[str, str], float]) -> None:
    records = pairs(pairs=8000, temperature=temperature)
    gaps = np.array([utilities[r.prompt, r.completion_a] - utilities[r.prompt, r.completion_b] for r in records])
    wins = np.array([record.verdict == "a" for record in records])
    expected = 1 / (1 + np.exp(-gaps / temperature))
    assert {record.verdict for record in records} == {"a", "b"}
    for part in (gaps > 1.5, (gaps > 0) & (gaps <= 1.5), gaps == 0, gaps < 0, np.abs(gaps) < np.inf):
        spread = np.sqrt((expected * (1 - expected))[part].sum())
        assert abs(wins[part].sum() - expected[part].sum()) < 4 * spread + 1


def test_temperature_changes_the_verdicts_only(default: list[PairRecord]) -> None:
    sharp = pairs(temperature=1e-9)
    assert [(r.prompt, r.completion_a, r.completion_b) for r in sharp] == [
        (r.prompt, r.completion_a, r.completion_b) for r in default
    ]
    agreement = np.mean([x.verdict == y.verdict for x, y in zip(sharp, default, strict=True)])
    assert 0.75 < agreement < 0.9


def test_neither_side_is_preferred_and_rude_answers_lose(default: list[PairRecord]) -> None:
    assert abs(np.mean([record.verdict == "a" for record in default]) - 0.5) < 0.04
    rude = []
    for record in default:
        a, b = (side.plain.startswith(RUDE_OPENINGS) for side in (record.completion_a, record.completion_b))
        rude += [(a, record.verdict == "a")] if a != b else []
    assert np.mean([side != won for side, won in rude]) > 0.6


def test_responses_are_distinct_scored_and_named() -> None:
    records = responses(responses=12)
    assert Counter(record.split for record in records)[None] == DEFAULT.example.prompts
    assert len({record.prompt for record in records}) == len(records)
    names = {system.name for system in SYSTEMS}
    for record in records:
        assert record.scores is not None
        assert record.models is not None
        assert len(set(record.completions)) == len(record.scores) == len(record.models) == 12
        assert all(1 <= value <= 10 for value in record.scores)
        assert set(record.models) <= names


def test_systems_differ_in_quality() -> None:
    totals: dict[str, list[float]] = {system.name: [] for system in SYSTEMS}
    for record in responses(responses=10):
        for name, value in zip(record.models or (), record.scores or (), strict=True):
            totals[name].append(value)
    means = [float(np.mean(values)) for values in totals.values()]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1] + 2


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_higher_score_wins_as_bradley_terry_says(
    temperature: float, utilities: dict[tuple[str, str], float]
) -> None:
    won, expected = [], []
    for record in responses(responses=8, temperature=temperature):
        values = [utilities[record.prompt, text] for text in record.completions]
        for i in range(0, 8, 2):  # each completion once, so that comparisons are independent
            assert record.scores is not None
            if record.scores[i] != record.scores[i + 1]:
                won.append(record.scores[i] > record.scores[i + 1])
                expected.append(win_probability(values[i], values[i + 1], temperature))
    p = np.array(expected)
    for part in (p > 0.5, p <= 0.5):
        assert abs(np.array(won)[part].sum() - p[part].sum()) < 4 * np.sqrt((p * (1 - p))[part].sum())


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(1e-6, 100))
def test_win_probability_and_score_keep_the_order(a: float, b: float, temperature: float) -> None:
    p = win_probability(a, b, temperature)
    assert 0 <= p <= 1
    assert p + win_probability(b, a, temperature) == pytest.approx(1)
    assert (score(a) - score(b)) * (a - b) >= 0
    assert 1 <= score(a) <= 10


@pytest.mark.parametrize(
    "changes",
    [
        {"pairs": 100, "prompts": 20, "ood_pairs": 1},
        {"pairs": 100, "prompts": 100, "ood_pairs": 5000},
        {"zipf": 0.0, "ood_pairs": 0},
        {"zipf": 5.0},
        {"pairs": 20000, "prompts": 20, "zipf": 5.0},
    ],
)
def test_extreme_configurations(changes: dict[str, Any]) -> None:
    config = example(**changes)
    assert len(list(generate_example(config))) == config.pairs + config.ood_pairs


def test_extreme_responses() -> None:
    assert {len(record.completions) for record in responses(responses=64, prompts=50, pairs=100)} == {64}
    assert len(responses(responses=2, prompts=2000, pairs=100, ood_pairs=0)) == 2000


def test_more_prompts_than_pairs_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"data\.example\.prompts: got 300 for 200 pairs"):
        generate_example(example(pairs=200, prompts=300))


def test_a_million_pairs_come_as_a_stream() -> None:
    first = list(itertools.islice(generate_example(example(pairs=1_000_000, prompts=1_000_000)), 100))
    many = sum(1 for _ in generate_example(example(pairs=30_000, prompts=7_000)))
    assert (len(first), many) == (100, 30_500)


@pytest.mark.parametrize("form", ["pairs", "responses"])
def test_the_default_is_prepared_whole(form: str, tmp_path: Path) -> None:
    report = prepare(generate_example(example(form=form)), DEFAULT.split, tmp_path / "prepared", DEFAULT.leaks)
    assert report is not None
    assert (tmp_path / "prepared" / "pairs.parquet").is_file()
