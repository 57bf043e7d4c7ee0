"""A real small ensemble with its encoder as an oracle."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from prefloop.errors import ConfigError, LabelsMissing, ModelError
from prefloop.judges.build import build_judge
from prefloop.judges.kinds import RewardModel
from prefloop.labels.verdicts import A
from prefloop.reward.registry import load_model, save_model
from tests.evaluation.rewardbench.conftest import THINGS, bert, pairs, real, tiny  # noqa: F401
from tests.judges.helpers import Comparison, check_oracle, verdicts

KIND_OR_RUDE = [Comparison(*texts) for texts in pairs(THINGS[6:])[::5]]


def config(trained, **changes):
    values = {
        "kind": "reward_model", "path": trained.path, "encoder": trained.config.model, "device": "cpu",
        "batch_size": 8,
    }  # fmt: skip
    return RewardModel.model_validate(values | changes)


def test_it_knows_its_subject(real, tmp_path):  # noqa: F811
    judge = build_judge(config(real), tmp_path / "none.jsonl")
    came = check_oracle(judge, KIND_OR_RUDE)
    assert came.count(A) > 0.95 * len(came)
    assert judge.name.startswith("reward_model:")
    assert not judge.paid
    assert list(tmp_path.iterdir()) == []


def test_the_larger_mean_reward_wins(tiny, tmp_path):  # noqa: F811
    rewards = tiny.model.rewards(tiny.features.completions).astype(float).T
    of = dict(zip(zip(tiny.prompts, tiny.texts, strict=True), rewards, strict=True))
    by_prompt = {}
    for prompt, text in of:
        by_prompt.setdefault(prompt, []).append(text)
    asked = [Comparison(p, a, b) for p, texts in by_prompt.items() for a, b in combinations(texts, 2)]
    came = np.array(verdicts(build_judge(config(tiny), tmp_path / "none.jsonl"), asked))
    gaps = np.array([of[c.prompt, c.a] - of[c.prompt, c.b] for c in asked])
    clear = np.abs(gaps.mean(axis=1)) > 1e-5
    assert (came == (gaps.mean(axis=1) < 0))[clear].all()
    assert (came != (gaps[:, 0] < 0))[clear].any()  # one member alone says otherwise


def test_an_untrained_ensemble_is_refused(tiny, tmp_path):  # noqa: F811
    model, about = load_model(tiny.path)
    model.epochs[:] = 0
    save_model(tmp_path / "m.safetensors", "mlp_ensemble", model, about)
    with pytest.raises(LabelsMissing, match=r"untrained ensemble.*or set the judge's path to a trained one"):
        build_judge(config(tiny, path=tmp_path / "m.safetensors"), tmp_path)


def test_what_is_missing_is_named(tiny, tmp_path):  # noqa: F811
    with pytest.raises(ModelError, match=r"none is no file: set the judge's path to model.safetensors"):
        build_judge(config(tiny, path=tmp_path / "none"), tmp_path)
    (tmp_path / "text").write_text("x")
    with pytest.raises(ModelError, match="is no weights file that this prefloop reads"):
        build_judge(config(tiny, path=tmp_path / "text"), tmp_path)
    with pytest.raises(
        ModelError, match=r"the judge's encoder is all-MiniLM-L6-v2: set the judge's encoder to that"
    ):
        build_judge(config(tiny, encoder="all-MiniLM-L6-v2"), tmp_path)
    with pytest.raises(ConfigError, match="device cuda:77"):
        build_judge(config(tiny, device="cuda:77"), tmp_path)


def test_the_encoder_may_lie_elsewhere(tiny, tmp_path):  # noqa: F811
    shutil.copytree(tiny.config.model, tmp_path / "moved")
    moved = build_judge(config(tiny, encoder=str(tmp_path / "moved")), tmp_path)
    assert verdicts(moved, KIND_OR_RUDE) == verdicts(build_judge(config(tiny), tmp_path), KIND_OR_RUDE)
    assert verdicts(moved, [replace(KIND_OR_RUDE[0], a="", b="x")])[0] is not None
