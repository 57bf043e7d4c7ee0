"""Graph of a campaign folder: the repository's own stages, and copies that are refused when they are stale."""

from __future__ import annotations

import shutil

import pytest
import yaml

from prefloop.campaign.graph import COPY, GRAPH, STAGES, graph, refuse_stale, renew
from prefloop.errors import ConfigError
from prefloop.identity import VERSIONS
from stages._main import stage_main
from tests.worlds import ROOT


@pytest.fixture
def folder(tmp_path):
    (tmp_path / GRAPH).write_text(graph())
    shutil.copyfile(VERSIONS, tmp_path / COPY)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    return tmp_path


def change_version(folder, part="division"):
    content = yaml.safe_load((folder / COPY).read_text())
    content[part] -= 1
    (folder / COPY).write_text(yaml.safe_dump(content))


def change_stage(folder):
    content = yaml.safe_load((folder / GRAPH).read_text())
    content["stages"]["acquire"]["params"].remove("neighbours.k")
    (folder / GRAPH).write_text(yaml.safe_dump(content))


def test_the_stages_are_the_repositorys_own_with_a_copy_of_the_versions():
    own = (ROOT / "dvc.yaml").read_text().replace("prefloop/versions.yaml", COPY)
    wanted = yaml.safe_load(own)["stages"]
    assert yaml.safe_load(graph()) == {"stages": {name: wanted[name] for name in STAGES}}


def test_a_stage_of_the_campaign_reads_nothing_that_its_folder_does_not_make():
    stages = yaml.safe_load(graph())["stages"]
    made = [out if isinstance(out, str) else next(iter(out)) for s in stages.values() for out in s.get("outs", [])]
    read = {dep for stage in stages.values() for dep in stage["deps"]} - {"${data.raw}", "data/labels"}
    assert not [dep for dep in read if not any(dep == out or dep.startswith(out + "/") for out in made)]


def test_fresh_copies_are_taken_and_nothing_is_written(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refuse_stale(folder)
    assert renew(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(("change", "says"), [(change_version, "division"), (change_stage, "dvc.yaml")])
def test_stale_copies_are_refused_by_every_stage_until_they_are_renewed(folder, change, says, monkeypatch, capsys):
    change(folder)
    monkeypatch.chdir(folder)
    ran = []
    assert stage_main(lambda params, layout: ran.append(params)) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "prefloop campaign renew" in said
    assert says in renew(folder)
    assert stage_main(lambda params, layout: ran.append(params)) == 0
    assert len(ran) == 1


@pytest.mark.parametrize("content", [None, "", "[1", "3", "\x00"])
def test_a_damaged_copy_is_refused_and_renewed(folder, content):
    (folder / COPY).write_text(content) if content is not None else (folder / GRAPH).unlink()
    with pytest.raises(ConfigError, match="renew"):
        refuse_stale(folder)
    renew(folder)
    refuse_stale(folder)
    assert renew(folder) == []


@pytest.mark.parametrize("entry", ["stages", "plots"])
def test_entries_of_the_users_own_are_not_overwritten(folder, entry):
    content = yaml.safe_load((folder / GRAPH).read_text())
    if entry == "stages":
        content["stages"]["mine"] = {"cmd": "true"}
    else:
        content["plots"] = [{"a.csv": {}}]
    (folder / GRAPH).write_text(yaml.safe_dump(content))
    refuse_stale(folder)
    change_stage(folder)
    before = (folder / GRAPH).read_bytes()
    with pytest.raises(ConfigError, match=f"entries of your own .*{'mine' if entry == 'stages' else 'plots'}"):
        renew(folder)
    assert (folder / GRAPH).read_bytes() == before


def test_the_repository_has_no_copy_to_be_stale(tmp_path):
    assert renew(tmp_path) == []
    refuse_stale(tmp_path)
    refuse_stale(ROOT)
