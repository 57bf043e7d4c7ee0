"""Campaign folder: sizes that fit the pool, whole or not at all, git and DVC as they are there."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from prefloop.campaign import folder as folders
from prefloop.campaign.folder import Sizes, batches, campaign_changes, campaign_params, write_folder
from prefloop.config import load_params, packaged_params
from prefloop.config.load import load_whole
from prefloop.config.model import Params
from prefloop.data.readers.check import check_file
from prefloop.errors import ConfigError
from tests.cli.conftest import rows, write_rows
from tests.worlds import ROOT

SIZE = st.none() | st.integers(1, 10_000)


@given(st.none() | st.integers(0, 10**6), SIZE, SIZE)
def test_batches_fit_the_pool_and_are_what_was_wanted(pairs, initial, batch):
    sizes = batches(pairs, Sizes(initial, batch))
    first, further, buffer = (sizes[f"campaign.{name}"] for name in ("initial", "batch", "buffer"))
    assert (initial or first, batch or further) == (first, further)
    assert 0 <= buffer < min(first, further)
    if initial is batch is None and pairs is not None and pairs >= 8:
        assert 8 * first <= pairs + 7
        assert first == further <= 64


def unlabelled(path):
    return write_rows(path, [{k: v for k, v in row.items() if k != "label"} for row in rows(300, 200)])


def make(folder, data=None, sizes=Sizes()):  # noqa: B008
    report = None if data is None else check_file(data)
    write_folder(folder, campaign_params(campaign_changes(data, report, sizes)), data)
    return load_whole(folder / "params.yaml", Params)


def test_a_folder_has_all_that_a_campaign_needs(tmp_path):
    data = unlabelled(tmp_path / "pairs: 1.jsonl")
    params = make(tmp_path / "new" / "campaign", data)
    new = tmp_path / "new" / "campaign"
    assert params.data.source == "files"
    assert params.data.split.test == 0
    assert params.benchmark.policies == ()
    assert (params.campaign.initial, params.campaign.batch, params.campaign.buffer) == (37, 37, 9)
    assert params.campaign.audit == 0.2
    assert (new / "data" / "raw" / data.name).read_bytes() == data.read_bytes()
    assert (new / "data" / "labels" / "labels.jsonl").read_bytes() == b""
    # All parameters and all comments, and nothing else than was wanted.
    packaged = load_params(packaged_params()).model_dump()
    assert {key for key in packaged if packaged[key] != params.model_dump()[key]} == {
        "data",
        "benchmark",
        "campaign",
    }
    comments = [line for line in packaged_params().read_text().splitlines() if line.lstrip().startswith("#")]
    assert [
        line for line in (new / "params.yaml").read_text().splitlines() if line.lstrip().startswith("#")
    ] == comments
    assert os.listdir(tmp_path / "new") == ["campaign"]


def test_dvc_reads_the_graph_and_git_sees_what_is_to_be_kept(tmp_path):
    from dvc.repo import Repo

    make(tmp_path / "c", unlabelled(tmp_path / "pairs.jsonl"))
    with Repo(str(tmp_path / "c")) as repo:
        assert {stage.name for stage in repo.index.stages} == set(folders_stages())
        assert repo.config["core"]["analytics"] is False
    for name in (
        "data/campaign/batch.parquet",
        ".prefloop/queue.sqlite",
        "data/labels/labels.jsonl.lock",
        "mlflow.db",
    ):
        assert (
            subprocess.run(["git", "check-ignore", "-q", name], cwd=tmp_path / "c", check=False).returncode == 0
        ), name
    kept = (
        "data/labels/labels.jsonl",
        "data/campaign/metrics.json",
        "dvc.lock",
        "versions.yaml",
        "data/raw/pairs.jsonl",
    )
    for name in kept:
        assert (
            subprocess.run(["git", "check-ignore", "-q", name], cwd=tmp_path / "c", check=False).returncode == 1
        ), name


def folders_stages():
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].keys() - {"benchmark", "compare"}


@pytest.mark.parametrize("name", ["gitattributes", "dvcignore"])
def test_rules_for_git_and_dvc_are_those_of_the_repository(name):
    rules = {
        line for line in (folders._TEMPLATE / name).read_text().splitlines() if line and not line.startswith("#")
    }
    assert rules <= set((ROOT / f".{name}").read_text().splitlines())


def test_labelled_data_keep_a_test_split_where_they_are_enough(tmp_path):
    few, many = (write_rows(tmp_path / f"{n}.jsonl", rows(200, n)) for n in (20, 100))
    assert make(tmp_path / "few", few).data.split.test == 0
    assert make(tmp_path / "many", many).data.split.test == 0.25


def test_a_folder_of_shards_is_copied_whole(tmp_path):
    shards = tmp_path / "shards"
    shards.mkdir()
    unlabelled(shards / "one.jsonl")
    params = make(tmp_path / "c", shards)
    assert [str(entry.path) for entry in params.data.files] == ["shards"]
    assert os.listdir(tmp_path / "c" / "data" / "raw" / "shards") == ["one.jsonl"]


def test_an_empty_folder_is_filled_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "c").mkdir()
    monkeypatch.chdir(tmp_path / "c")
    make(folders.Path("."))
    assert {"params.yaml", "dvc.yaml", "data", ".git", ".dvc"} <= set(os.listdir("."))
    assert not [name for name in os.listdir(".") if name.endswith(".tmp")]


@pytest.mark.parametrize("there", ["file", "entry"])
def test_nothing_is_overwritten(tmp_path, there):
    place = tmp_path / "c"
    if there == "entry":
        place.mkdir()
        (place / ".hidden").write_text("kept")
    else:
        place.write_text("kept")
    with pytest.raises(ConfigError, match="not there yet"):
        make(place)
    assert os.listdir(tmp_path) == ["c"]
    assert (place if there == "file" else place / ".hidden").read_text() == "kept"


def test_what_fails_leaves_nothing(tmp_path):
    changes = campaign_changes(None, None, Sizes())
    with pytest.raises(ConfigError, match="audit"):
        write_folder(tmp_path / "c", campaign_params(changes | {"campaign.audit": 7}), None)
    with pytest.raises(FileNotFoundError):
        write_folder(tmp_path / "c", campaign_params(changes), tmp_path / "missing")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("around", [False, True])
def test_git_is_made_where_none_is_around(tmp_path, around):
    if around:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    make(tmp_path / "c")
    assert (tmp_path / "c" / ".git").exists() is not around
    assert (tmp_path / "c" / ".dvc" / "config").is_file()


def test_a_folder_that_git_around_it_ignores_has_its_own(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("/campaigns/\n")
    make(tmp_path / "campaigns" / "c")
    assert (tmp_path / "campaigns" / "c" / ".git").exists()


def test_without_git_dvc_stands_alone(tmp_path, monkeypatch):
    real = shutil.which
    monkeypatch.setattr(
        folders.shutil, "which", lambda name, **rest: None if name == "git" else real(name, **rest)
    )
    make(tmp_path / "c")
    assert "no_scm = True" in (tmp_path / "c" / ".dvc" / "config").read_text()
