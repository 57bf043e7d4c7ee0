"""dpo/params.yaml and its presets: valid, every key explained, every mistake named."""

from __future__ import annotations

import copy
import re

import pytest
import yaml

from prefloop.config import load_params, packaged_params, parse_params
from prefloop.dpo.config import DpoParams, is_dpo
from prefloop.dpo.registry import RULES
from prefloop.errors import ConfigError
from tests.config.test_load import leaves, repeated
from tests.worlds import ROOT

FILE = ROOT / "dpo" / "params.yaml"
CONTENT = yaml.safe_load(FILE.read_text())
PRESETS = sorted((ROOT / "docs" / "presets").glob("dpo_*.yaml"))


def changed(**changes):
    content = copy.deepcopy(CONTENT)
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        section = content
        for step in path:
            section = section[step]
        section[last] = value
    return content


def message(**changes):
    with pytest.raises(ConfigError) as caught:
        parse_params(changed(**changes), "p.yaml", DpoParams)
    return str(caught.value)


def test_the_repositorys_file_is_valid_and_is_the_packaged_one():
    assert packaged_params(DpoParams) == FILE
    assert load_params(FILE, DpoParams).run.budget == CONTENT["run"]["batch"] * CONTENT["run"]["rounds"]


def test_every_rule_has_a_policy_and_every_policy_a_rule():
    assert {policy.rule for policy in load_params(FILE, DpoParams).policies.values()} == set(RULES)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_valid_and_differs_in_all_it_says(path):
    content = yaml.safe_load(path.read_text())
    assert content.pop("extends") == "packaged"
    assert is_dpo(content)
    params = load_params(path, DpoParams).model_dump(mode="json")
    assert repeated(content, load_params(FILE, DpoParams).model_dump(mode="json")) == []
    assert repeated(params, content) == leaves(content)


def test_the_papers_numbers_stand_in_the_presets():
    imdb, tldr = (load_params(path, DpoParams) for path in PRESETS)
    assert (imdb.train.beta, imdb.train.learning_rate, imdb.train.batch_size) == (0.2, 1e-6, 64)
    assert (imdb.train.epochs, tldr.train.epochs) == (50, 70)
    assert (imdb.policies["hybrid"].pairs, imdb.policies["hybrid"].prompts) == (32, 8)
    assert (tldr.policies["hybrid"].pairs, tldr.policies["hybrid"].prompts) == (16, 4)
    assert (imdb.run.budget, tldr.run.budget) == (768, 512)


def lines_without_comment(text):
    """Keys of the file that no comment stands above; one above a run of keys is for all of them."""
    found, explained = [], False
    for line in text.splitlines():
        if line.strip().startswith("#"):
            explained = not line.startswith("# ---")
        elif match := re.match(r"^( +)([\w]+):", line):
            if not explained:
                found.append(match[2])
        elif line.strip():
            explained = False
    return found


def test_every_key_has_a_comment_above_it():
    assert lines_without_comment(FILE.read_text()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"run__labels": 16}, r"run\.labels: unknown key; it is called run\.batch now"),
        ({"run__polices": ["random"]}, r"run\.polices: unknown key \(did you mean 'policies'\?\)"),
        ({"policies__hybrid__pair": 3}, r"policies\.hybrid\.pair: unknown key \(did you mean 'pairs'\?\)"),
        ({"policies__mine": {"rule": "hybird"}}, r"policies\.mine\.rule: got 'hybird'; expected one of 'random'"),
        ({"policies__mine": {}}, r"policies\.mine\.rule: missing; it names the rule"),
        ({"run__policies": ["nope"]}, r"run\.policies: unknown policy 'nope'; known: certainty"),
        ({"run__policies": ["hybrid"]}, r"compare\.reference: none of random is among run\.policies \(hybrid\)"),
        ({"run__policies": ["random", "random"]}, r"run\.policies: an entry stands twice"),
        ({"judge": {"kind": "vader"}}, r"judge: the same as oracle\.judge; expected another one"),
        ({"judge": {"kind": "oracle"}}, r"judge\.kind: got 'oracle'; expected one of 'vader'"),
        ({"oracle__judge": {"kind": "word_list"}}, r"oracle\.judge\.path: missing"),
        ({"train__micro_batch_size": 5}, r"train: batch_size = 8 is no multiple of micro_batch_size = 5"),
        ({"train__beta": 0}, r"train\.beta: got 0; input should be greater than 0"),
        ({"train__mode": "restart"}, r"train\.mode: got 'restart'; input should be 'reset' or 'continue'"),
        ({"train__lora": {"rnk": 8}}, r"train\.lora\.rnk: unknown key \(did you mean 'rank'\?\)"),
        ({"start__tiny__heads": 7}, r"start\.tiny: width = \d+ is no multiple of 2 \* heads = 14"),
        ({"prompts__prefix_words": [9, 3]}, r"prompts\.prefix_words: expected two numbers"),
        ({"prompts__test": 1.0}, r"prompts\.test: got 1\.0; input should be less than 1"),
        ({"sampling__temperature": float("nan")}, r"sampling\.temperature: got nan"),
    ],
    ids=str,
)
def test_a_mistake_is_named(changes, expected):
    assert re.search(expected, message(**changes)), message(**changes)
