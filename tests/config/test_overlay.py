"""Overlays: what a file that extends another one comes to, and that its mistakes are named with their file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from prefloop.config import Params, load_params, packaged_params
from prefloop.config.load import load_whole
from prefloop.dpo.config import DpoParams, is_dpo
from prefloop.errors import ConfigError
from tests.worlds import ROOT


def overlay(folder: Path, content: Any, name: str = "mine.yaml", extends: Any = "packaged") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"extends": extends, **content}))
    return path


def refusal(path: Path, whole: Any = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_params(path, *([whole] if whole else []))
    return str(caught.value)


def test_an_overlay_that_says_nothing_is_what_it_extends(tmp_path):
    assert load_params(overlay(tmp_path, {})) == load_params(packaged_params())
    assert load_params(overlay(tmp_path, {}), DpoParams) == load_params(packaged_params(DpoParams), DpoParams)


def test_sections_are_merged_and_lists_replaced(tmp_path):
    changes = {"benchmark": {"seeds": [7]}, "policies": {"bal_pm": {"batch": {"beta": 0.5}}}}
    base, params = load_params(packaged_params()), load_params(overlay(tmp_path, changes))
    batch = base.policies["bal_pm"].batch.model_copy(update={"beta": 0.5})
    policy = base.policies["bal_pm"].model_copy(update={"batch": batch})
    wanted = {
        "benchmark": base.benchmark.model_copy(update={"seeds": (7,)}),
        "policies": base.policies | {"bal_pm": policy},
    }
    assert params == base.model_copy(update=wanted)


def test_another_kind_takes_no_keys_of_the_one_before(tmp_path):
    policy = {"bal_pm": {"batch": {"policy": "d_optimal", "ridge": 2.0}}}
    batch = load_params(overlay(tmp_path, {"policies": policy})).policies["bal_pm"].batch
    assert batch.model_dump() == {"policy": "d_optimal", "ridge": 2.0}
    text = refusal(overlay(tmp_path, {"policies": {"bal_pm": {"batch": {"policy": "d_optimal"}}}}))
    assert text == f"{tmp_path}/mine.yaml: policies.bal_pm.batch.ridge: missing; copy it from the params.yaml " + (
        "that came with prefloop"
    )
    lora = {"train": {"lora": {"rank": 8, "alpha": 8, "dropout": 0.0, "targets": "all-linear"}}}
    assert load_params(overlay(tmp_path, lora), DpoParams).train.lora.rank == 8


def test_overlays_stand_on_one_another(tmp_path):
    overlay(tmp_path, {"benchmark": {"rounds": 5, "batch": 3}})
    (tmp_path / "below").mkdir()
    upper = overlay(tmp_path / "below", {"benchmark": {"rounds": 9}}, "upper.yaml", "../mine.yaml")
    params = load_params(upper).benchmark
    assert (params.rounds, params.batch) == (9, 3)


def test_a_mistake_is_named_with_the_file_that_it_stands_in(tmp_path):
    lower = overlay(tmp_path, {"embed": {"max_lenght": 64}, "neighbours": {"k": 1}})
    upper = overlay(tmp_path, {"benchmrk": {"rounds": 3}, "oracle": {"flip_rate": 2}}, "upper.yaml", "mine.yaml")
    assert sorted(refusal(upper).splitlines()) == [
        f"{lower}: embed.max_lenght: unknown key (did you mean 'max_length'?)",
        f"{lower}: neighbours.k: got 1; input should be greater than or equal to 2",
        f"{upper}: benchmrk: unknown key (did you mean 'benchmark'?)",
        f"{upper}: oracle.flip_rate: got 2; input should be less than or equal to 0.5",
    ]
    of_dpo = overlay(tmp_path, {"run": {"labels": 4}})
    assert refusal(of_dpo, DpoParams) == f"{of_dpo}: run.labels: unknown key; it is called run.batch now"


@pytest.mark.parametrize(
    ("extends", "expected"),
    [
        (3, "extends: got 3; expected packaged, or a parameter file's path"),
        ("nowhere.yaml", "nowhere.yaml is missing; expected packaged, or a parameter file's path"),
        ("mine.yaml", "mine.yaml extends itself; expected a chain that ends"),
    ],
)
def test_a_base_that_cannot_be(tmp_path, extends, expected):
    assert expected in refusal(overlay(tmp_path, {}, extends=extends))


def test_a_whole_file_needs_no_base_and_dvcs_own_file_may_have_none(tmp_path):
    assert load_whole(ROOT / "params.yaml", Params) == load_params(ROOT / "params.yaml")
    path = overlay(tmp_path, {})
    with pytest.raises(ConfigError, match=r"DVC reads this file as it stands.*prefloop params OVERLAY --out"):
        load_whole(path, DpoParams)


def test_an_overlay_is_known_by_its_sections():
    assert is_dpo({"extends": "packaged", "train": {"epochs": 1}})
    assert not is_dpo({"extends": "packaged", "benchmark": {"rounds": 1}, "policies": {}})
    assert not is_dpo(None)
