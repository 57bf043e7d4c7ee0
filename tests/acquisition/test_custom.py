"""Policies, pair rules and uncertainty models in a file of the user's own."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import Distribution, EntryPoint, EntryPoints

import numpy as np
import pytest
import torch
import yaml

from prefloop.acquisition.custom import POLICY_GROUP, add_policies
from prefloop.acquisition.registry import (
    batch_policy,
    batch_policy_identity,
    pair_rule,
    pair_rule_identity,
)
from prefloop.acquisition.testing import check_policy, make_view
from prefloop.acquisition.view import Selection
from prefloop.config import parse_params
from prefloop.errors import ConfigError, StateError
from prefloop.plugins import find_plugin
from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.kinds import uncertainty_model_identity
from prefloop.reward.registry import fit_model, load_model, save_model
from prefloop.section import NoParameters
from tests.acquisition.responses import make_responses
from tests.worlds import ROOT, make_params

CONTENT = yaml.safe_load((ROOT / "params.yaml").read_text())

MARGIN = '''
import numpy as np
from pydantic import BaseModel, Field
from prefloop.acquisition.view import Selection, top

class Parameters(BaseModel):
    gap: float = Field(ge=0)

def margin(view, n, rng, parameters):
    """The mean logit nearest to +gap or -gap."""
    distance = np.abs(np.abs(view.logits.mean(axis=0)) - parameters.gap)
    picks = top(-distance, n, rng)
    return Selection(picks, -distance[picks])
'''
CLOSE = """
import numpy as np

def close(view, parameters):
    gap = np.abs(view.mean[view.free.first] - view.mean[view.free.second])
    return view.free.by_prompt.largest(-gap, view.uniform(0))
"""
MODEL = """
from dataclasses import dataclass
import numpy as np
from pydantic import BaseModel

class Parameters(BaseModel):
    members: int

@dataclass
class Linear:
    weights: np.ndarray
    epochs: np.ndarray
    trained: bool = True
    temperature: float = 1.0

    def rewards(self, features):
        return (self.weights @ np.asarray(features[:]).T).astype(np.float32)

    def last_layer(self, features):
        return np.asarray(features[:])

    def state(self):
        return {"weights": self.weights, "epochs": self.epochs}, {}

def fit(parameters, inputs):
    pairs = inputs.comparisons
    difference = inputs.features[pairs.winner] - inputs.features[pairs.loser]
    rng = np.random.default_rng([inputs.seed, inputs.round_])
    rows = rng.integers(0, len(pairs), (parameters.members, len(pairs)))
    return Linear(difference[rows].mean(axis=1), np.ones(parameters.members, dtype=np.int64))

def from_state(tensors, facts, device):
    return Linear(tensors["weights"], tensors["epochs"])
"""


@pytest.fixture
def own(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def with_policy(batch, pairs=None):
    content = copy.deepcopy(CONTENT)
    content["policies"]["mine"] = {"pairs": pairs or {"rule": "auto", "per_prompt": "auto"}, "batch": batch}
    return parse_params(content, "p.yaml")


def message(call):
    with pytest.raises(ConfigError) as caught:
        call()
    return str(caught.value)


def test_a_policy_in_a_file_chooses_with_its_parameters(own):
    path = own(MARGIN)
    params = with_policy({"policy": f"{path}:margin", "gap": 0.0})
    batch = params.policies["mine"].batch
    view = make_view()
    picks = batch_policy(batch.policy).choose(view, 10, np.random.default_rng(0), batch).picks
    assert set(picks.tolist()) == set(np.argsort(np.abs(view.logits.mean(axis=0)))[:10].tolist())
    check_policy(batch_policy(batch.policy).choose, batch)


def test_parameters_keep_an_absolute_path_through_dump_and_pickle(own, monkeypatch):
    path = own(MARGIN)
    monkeypatch.chdir(path.parent)
    params = with_policy({"policy": "mine.py:margin", "gap": 0.5})
    assert params.policies["mine"].batch.policy == f"{path}:margin"
    dumped = params.model_dump(mode="json")
    assert dumped["policies"]["mine"]["batch"] == {"policy": f"{path}:margin", "gap": 0.5}
    monkeypatch.chdir(ROOT)
    assert parse_params(dumped, "x").model_dump(mode="json") == dumped
    assert pickle.loads(pickle.dumps(params)).model_dump(mode="json") == dumped


def test_unknown_and_impossible_parameters_are_refused(own):
    path = own(MARGIN)
    name = f"{path}:margin"
    assert "policies.mine.batch: unknown key 'gab'" in message(lambda: with_policy({"policy": name, "gab": 1}))
    assert "known: gap, policy" in message(lambda: with_policy({"policy": name, "gab": 1}))
    assert "policies.mine.batch.gap: got -1; " in message(lambda: with_policy({"policy": name, "gap": -1}))
    assert "policies.mine.batch.gap: missing" in message(lambda: with_policy({"policy": name}))


@pytest.mark.parametrize(
    ("text", "function", "expected"),
    [
        (None, "choose", "is missing: give FILE.py:FUNCTION"),
        (MARGIN, "choose", "has no function 'choose'; it has: margin"),
        ("import numpy\n1 / 0\n", "choose", "cannot be imported: line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "f", "cannot be imported: line 1: SyntaxError"),
        ("Parameters = 3\ndef f(): ...\n", "f", "Parameters is 3; expected a pydantic class"),
        ("VERSION = 'x'\ndef f(): ...\n", "f", "got VERSION = 'x'; expected an integer"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(own, tmp_path, text, function, expected):
    path = own(text) if text is not None else tmp_path / "none.py"
    text = message(lambda: with_policy({"policy": f"{path}:{function}"}))
    assert "p.yaml: policies.mine.batch: " in text
    assert str(path) in text
    assert expected in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return list(range(n))", "gave back a list; expected a Selection(picks, scores)"),
        ("return Selection(np.arange(n - 1), np.zeros(n - 1))", "picks int64 of shape (4,); expected 5 integers"),
        ("return Selection(np.arange(n) / 2, np.zeros(n))", "picks float64 of shape (5,); expected 5 integers"),
        ("return Selection(np.zeros(n, int), np.zeros(n))", "picked 0 twice; expected different candidates"),
        ("return Selection(np.arange(n) + 58, np.zeros(n))", "picked 60; expected positions"),
        ("return Selection(np.arange(n), np.zeros(2))", "gave scores float64 of shape (2,); expected 5 floats"),
        ("return Selection(np.arange(n), np.full(n, np.nan))", "gave scores that are NaN or infinite"),
        ("return 1 / 0", "failed: line 4: ZeroDivisionError: division by zero"),
    ],
)
def test_a_wrong_choice_names_the_policy(own, body, expected):
    path = own(
        "import numpy as np\nfrom prefloop.acquisition.view import Selection\n"
        f"def choose(view, n, rng, parameters):\n    {body}\n"
    )
    choose = batch_policy(f"{path}:choose").choose
    text = message(lambda: choose(make_view(), 5, np.random.default_rng(0), NoParameters()))
    assert f"'{path}:choose'" in text
    assert expected in text


def test_the_kit_finds_what_a_policy_does_wrong():
    def unseeded(view, n, rng, parameters):
        return Selection(np.random.permutation(len(view))[:n], np.zeros(n))  # noqa: NPY002

    def by_order(view, n, rng, parameters):
        return Selection(np.argsort(view.rewards[0, view.a])[:n], np.zeros(n))

    def writes(view, n, rng, parameters):
        view.rewards[:] = 0
        return Selection(np.arange(n), np.zeros(n))

    def repeats(view, n, rng, parameters):
        return Selection(np.zeros(n, dtype=int), np.zeros(n))

    for choose, expected in (
        (unseeded, "same seed"),
        (by_order, "swapped"),
        (writes, "wrote into"),
        (repeats, "picked 0 twice"),
    ):
        with pytest.raises(AssertionError, match=expected):
            check_policy(choose, NoParameters())


def test_a_pair_rule_in_a_file_chooses_and_is_checked(own):
    path = own(CLOSE)
    params = with_policy({"policy": "bald"}, {"rule": f"{path}:close", "per_prompt": 2})
    rule = params.policies["mine"].pairs
    assert (rule.rule, rule.per_prompt) == (f"{path}:close", 2)
    view = make_responses(np.random.default_rng(0), [4, 5, 3])
    chosen = pair_rule(rule.rule).choose(view, rule)
    gaps = np.abs(view.mean[view.free.first] - view.mean[view.free.second])
    np.testing.assert_array_equal(gaps[chosen], -view.free.by_prompt.max(-gaps))
    wrong = own("import numpy as np\ndef f(view, parameters): return np.zeros(3, int)\n", "wrong.py")
    text = message(lambda: pair_rule(f"{wrong}:f").choose(view, rule))
    assert "gave position 0 for prompt 1 of 3; expected one of its free pairs, 12 to 31" in text


def test_a_pair_rule_of_one_s_own_cannot_ask_the_judge(own):
    path = own("def f(view, parameters):\n    return view.judge()\n")
    assert not pair_rule(f"{path}:f").reads_judge

    def refuse():
        raise ConfigError("only simulated runs have it")

    view = replace(make_responses(np.random.default_rng(0), [3]), judge=refuse)
    assert "only simulated runs" in message(lambda: pair_rule(f"{path}:f").choose(view, NoParameters()))


def inputs_of(count=40):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * count, 5)).astype(np.float32)
    pairs = Comparisons(np.arange(count), np.arange(count) + count)
    return FitInputs(features, pairs, 0, 1, None, lambda: None, torch.device("cpu"), np.arange(count))


def test_an_uncertainty_model_in_a_file_is_trained_kept_and_opened(own, tmp_path):
    path = own(MODEL)
    params = make_params(reward__kind=f"{path}:fit", **{f"reward__{path}:fit": {"members": 3}})
    assert params.reward.kind == f"{path}:fit"
    assert pickle.loads(pickle.dumps(params)).model_dump() == params.model_dump()
    inputs = inputs_of()
    model = fit_model(params.reward, inputs)
    save_model(tmp_path / "m.safetensors", params.reward.kind, model, {})
    again, _ = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.rewards(inputs.features), model.rewards(inputs.features))
    path.unlink()
    with pytest.raises(StateError, match="is missing"):
        load_model(tmp_path / "m.safetensors")


def test_an_uncertainty_model_with_wrong_parameters_or_rewards_is_refused(own):
    path = own(MODEL)
    name = f"{path}:fit"
    assert ".members: missing" in message(lambda: make_params(reward__kind=name))
    wrong = {f"reward__{name}": {"members": 3, "size": 1}}
    assert "reward: unknown key 'size' for" in message(lambda: make_params(reward__kind=name, **wrong))
    path.write_text(MODEL.replace(".astype(np.float32)", ".astype(np.float64)"))
    params = make_params(reward__kind=name, **{f"reward__{name}": {"members": 3}})
    assert "gave rewards float64 (3, 2) for 2 completions" in message(
        lambda: fit_model(params.reward, inputs_of())
    )


def test_an_edit_of_the_same_second_and_size_is_seen_and_nothing_is_left_beside_the_file(own):
    path = own("def choose(view, n, rng, parameters):\n    return 1\n")
    for answer in (1, 2, 3):
        path.write_text(path.read_text().replace(f"return {answer - 1}", f"return {answer}"))
        assert find_plugin(f"{path}:choose", POLICY_GROUP).function(None, 0, None, None) == answer
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_identity_follows_the_file_unless_it_declares_a_version(own):
    path = own(MARGIN)
    name = f"{path}:margin"
    first = batch_policy_identity(name)
    assert first.startswith("sha:")
    path.write_text(MARGIN + "# a remark\n")
    assert batch_policy_identity(name) != first
    path.write_text(MARGIN + "VERSION = 3\n")
    assert batch_policy_identity(name) == pair_rule_identity(name) == "version:3"
    assert uncertainty_model_identity(name) == "version:3"
    assert batch_policy_identity("bald") is pair_rule_identity("drts") is None
    assert uncertainty_model_identity("laplace") is None


class Installed(Distribution):
    """A distribution with one module."""

    def read_text(self, filename):
        return "Metadata-Version: 2.1\nName: own\nVersion: 1.4\n" if filename == "METADATA" else None

    def locate_file(self, path):
        raise NotImplementedError


def test_an_installed_distribution_brings_policies_by_entry_points(own, monkeypatch):
    path = own(MARGIN, "installed_margin.py")
    monkeypatch.syspath_prepend(str(path.parent))
    entry = EntryPoint("margin", "installed_margin:margin", "prefloop.policies")._for(Installed())
    monkeypatch.setattr(
        "prefloop.plugins.entry_points",
        lambda group: EntryPoints([entry] if group == "prefloop.policies" else []),
    )
    params = with_policy({"policy": "margin", "gap": 0.5})
    assert params.policies["mine"].batch.gap == 0.5
    check_policy(batch_policy("margin").choose, params.policies["mine"].batch)
    assert batch_policy_identity("margin") == "version:1.4"
    assert "got 'margin'; expected one of" in message(
        lambda: with_policy({"policy": "bald"}, {"rule": "margin", "per_prompt": 1})
    )


def test_the_command_s_policies_are_named_by_their_functions(own):
    path, content = own(MARGIN), copy.deepcopy(CONTENT)
    assert add_policies(content, [f"{path}:margin,gap=0.25"]) == ["margin"]
    assert parse_params(content, "x").policies["margin"].batch.gap == 0.25
    assert "a policy named 'margin' already" in message(lambda: add_policies(content, [f"{path}:margin"]))
    assert "expected FILE.py:FUNCTION" in message(lambda: add_policies(content, ["margin"]))
    assert "expected KEY=VALUE" in message(lambda: add_policies({"policies": {}}, [f"{path}:margin,gap"]))


@pytest.mark.parametrize("module", ["prefloop.acquisition", "prefloop.config"])
def test_acquisition_and_configuration_need_neither_torch_nor_an_index(module):
    code = (
        f"import importlib, pkgutil, sys, {module} as package\n"
        "for found in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        "from prefloop.config import load_params, packaged_params\n"
        "load_params(packaged_params())\n"
        "sys.exit(' '.join({'torch', 'hnswlib', 'mlflow', 'transformers'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
