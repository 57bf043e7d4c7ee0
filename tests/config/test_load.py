"""params.yaml: every key explained, every mistake named."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefloop.config import load_params, packaged_params, parse_params
from prefloop.errors import ConfigError, exit_code_of
from tests.worlds import ROOT, make_params

FILE = ROOT / "params.yaml"
CONTENT = yaml.safe_load(FILE.read_text())
PAPER = ROOT / "docs" / "presets" / "paper.yaml"
AS_PUBLISHED = ROOT / "docs" / "presets" / "as_published.yaml"


def sections(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all mappings, the whole file first."""
    if isinstance(value, dict):
        yield path
        for key, below in value.items():
            yield from sections(below, (*path, key))


def keys(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(value, dict):
        return set()
    return {p for key, below in value.items() for p in ((*path, key), *keys(below, (*path, key)))}


def changed(**changes: Any) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        section = content
        for step in path:
            section = section[step]
        section[last] = value
    return content


def message(content: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_params(content, "p.yaml")
    return str(caught.value)


def test_the_repository_s_file_is_valid_and_is_the_packaged_one():
    assert packaged_params() == FILE
    params = load_params(FILE)
    assert params == parse_params(CONTENT, "again")
    assert set(params.benchmark.policies) <= set(params.policies)


def test_the_installed_package_brings_the_file_along():
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {
        "params.yaml": "prefloop/params.yaml",
        "dvc.yaml": "prefloop/dvc.yaml",
        "dpo/params.yaml": "prefloop/dpo/params.yaml",
    }


def written_keys(node: yaml.Node, top: str = "") -> Iterator[tuple[str, str, int]]:
    """(top-level section, key, line from 0) of every key, in the order of the file."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield top or key.value, key.value, key.start_mark.line
            yield from written_keys(value, top or key.value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from written_keys(item, top)


def test_every_key_is_explained_where_its_name_first_stands():
    lines = FILE.read_text().splitlines()
    explained: set[tuple[str, str]] = set()
    missing = []
    for top, key, line in written_keys(yaml.compose(FILE.read_text())):
        above = line > 0 and lines[line - 1].lstrip().startswith("#")
        if above or " # " in lines[line]:
            explained.add((top, key))
        elif (top, key) not in explained:
            missing.append(f"line {line + 1}: {key}")
    assert not missing


@pytest.mark.parametrize("path", list(sections(CONTENT)), ids=lambda path: ".".join(path) or "(top)")
def test_a_misspelt_key_is_named_with_the_right_one(path):
    content = copy.deepcopy(CONTENT)
    section = content
    for step in path:
        section = section[step]
    if path == ("policies",):  # its keys are names of the user's choice
        section["bal-pm"] = section["bal_pm"]
        assert "policies.bal-pm: " in message(content)
        return
    for key in list(section):
        wrong = key[:-1] + "zz" if len(key) > 3 else key + "z"
        section[wrong] = section[key]
        at = ".".join((*path, wrong))
        assert f"p.yaml: {at}: unknown key (did you mean '{key}'?)" in message(content).splitlines()
        del section[wrong]


def test_a_misspelt_key_is_one_line():
    content = copy.deepcopy(CONTENT)
    content["campaign"]["bacth"] = content["campaign"].pop("batch")
    assert message(content).splitlines() == ["p.yaml: campaign.bacth: unknown key (did you mean 'batch'?)"]


@pytest.mark.parametrize("path", sorted(keys(CONTENT)), ids=".".join)
def test_a_missing_key_is_named(path):
    content = copy.deepcopy(CONTENT)
    section = content
    for step in path[:-1]:
        section = section[step]
    del section[path[-1]]
    if path[0] == "policies" and len(path) == 2 and path[1] not in used_policies():
        parse_params(content, "p.yaml")
        return
    assert path[-1] in message(content)


def used_policies() -> set[str]:
    return {*CONTENT["benchmark"]["policies"], CONTENT["campaign"]["policy"], CONTENT["campaign"]["cold_start"]}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("policies__drts__pairs__rule", "best", "policies.drts.pairs.rule: got 'best'; expected one of 'auto', "),
        ("campaign__policy", "maxmin", "campaign.policy: 'maxmin' reads a judge's scores"),
        ("policies__fixed_pair__pairs__strong", ["x"], "name both strong and weak models, or neither"),
        ("downstream__shares", [0.5, 0.5], "downstream.shares: "),
        ("assessment", CONTENT["downstream"], "assessment: unknown key; it is called downstream now"),
        ("data__source", "web", "data.source: got 'web'; input should be 'example', 'files' or 'hub'"),
        ("data__example__pairs", 3, "data.example.pairs: got 3; input should be greater than or equal to 100"),
        ("data__split", {**CONTENT["data"]["split"], "val": 0.5, "test": 0.5}, "val + test = 1 leaves no pool"),
        ("data__files", [{"path": "x", "where": "domain"}], "data.files.0.where: got 'domain'; expected FIELD"),
        ("data__files", [{"pth": "x"}], "data.files.0.pth: unknown key (did you mean 'path'?)"),
        ("embed__device", "gpu", "embed.device: got 'gpu'; "),
        ("embed__template", "{prompt}", "expected one {prompt} and, at the end, one {completion}"),
        ("embed__max_length", 4, "embed.max_length: got 4; "),
        ("neighbours__k", 100, "neighbours: ef = 64 is below k = 100; expected ef >= k"),
        ("reward__mlp_ensemble__members", 1, "reward.mlp_ensemble.members: got 1; "),
        ("reward__mlp_ensemble__layers", [], "reward.mlp_ensemble.layers: "),
        ("reward__mlp_ensemble__layers", [0], "reward.mlp_ensemble.layers.0: got 0; "),
        ("reward__mlp_ensemble__learning_rate", float("nan"), "learning_rate: got nan; "),
        ("reward__mlp_ensemble__learning_rate", float("inf"), "learning_rate: got inf; "),
        (
            "reward__kind",
            "mlp",
            "reward.kind: got 'mlp'; input should be 'mlp_ensemble', 'anchored_ensemble' or 'laplace'",
        ),
        ("reward__anchored_ensemble__anchor", -1, "reward.anchored_ensemble.anchor: got -1; "),
        ("reward__anchored_ensemble__anchor_half_life", 0, "reward.anchored_ensemble.anchor_half_life: got 0; "),
        ("reward__laplace__members", 31, "reward.laplace.members: got 31; input should be a multiple of 2"),
        ("reward__laplace__prior_deviation", [0, 1], "reward.laplace.prior_deviation.0: got 0; "),
        (
            "reward__laplace__prior_deviation",
            [3.0, 1.0],
            "reward.laplace.prior_deviation: expected the least and the greatest, in this order",
        ),
        ("oracle__flip_rate", 0.6, "oracle.flip_rate: got 0.6; "),
        ("benchmark__seeds", [0, 0], "benchmark.seeds: an entry stands twice"),
        ("benchmark__seeds", [-1], "benchmark.seeds.0: got -1; "),
        ("benchmark__rounds", 0, "benchmark.rounds: got 0; "),
        ("benchmark__policies", ["random", "bal_pn"], "benchmark.policies: unknown policy 'bal_pn'; known: "),
        ("campaign__policy", "bal_pn", "campaign.policy: unknown policy 'bal_pn'; known: bal_pm, "),
        ("campaign__cold_start", "x", "campaign.cold_start: unknown policy 'x'; known: "),
        ("policies__bal_pm__batch__beta", -1, "policies.bal_pm.batch.beta: got -1; "),
        ("policies__bal_pm__batch__policy", "x", "policies.bal_pm.batch.policy: got 'x'; expected one of "),
        ("policies__bal_pm__batch", {"beta": 1}, "policies.bal_pm.batch.policy: missing"),
        ("policies__bal_pm__pairs__per_prompt", "all", "or got 'all'; input should be 'auto' or 'unlimited'"),
        ("policies__bal_pm", None, "policies.bal_pm: got None; expected keys and their values"),
        ("compare__reference", ["entropy"], "compare.reference: none of entropy is among benchmark.policies ("),
        ("compare__confidence", 1, "compare.confidence: got 1; "),
        ("tracking__experiment", "", "tracking.experiment: got ''; "),
    ],
)
def test_an_impossible_value_is_named(key, value, expected):
    text = message(changed(**{key: value}))
    assert expected in text
    assert all(line.startswith("p.yaml: ") for line in text.splitlines())


def test_all_mistakes_are_told_at_once():
    text = message(changed(embed__max_length=1, oracle__flip_rate=2))
    assert len(text.splitlines()) == 2


def test_numbers_may_be_written_without_a_point():
    content = FILE.read_text().replace("learning_rate: 1.0e-3", "learning_rate: 1e-3")
    assert parse_params(yaml.safe_load(content), "x").reward.mlp_ensemble.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "got None; expected keys and their values"),
        (b"- a\n- b\n", "expected keys and their values"),
        (b"data: [", "is not valid YAML"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        (b"data: {a: 1}: 2", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_parameter_file(tmp_path, content, expected):
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(expected)) as caught:
        load_params(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("kind", ["anchored_ensemble", "laplace"])
def test_validation_labels_that_a_kind_would_not_use_are_refused(kind):
    with pytest.raises(
        ConfigError, match=rf"benchmark\.validation: 10 labels.*'{kind}' would not use; expected 0"
    ):
        make_params(reward__kind=kind, benchmark__validation=10)
    assert make_params(reward__kind="mlp_ensemble", benchmark__validation=10).benchmark.validation == 10


def test_a_missing_file_is_wrong_usage(tmp_path, capsys):
    assert exit_code_of(lambda: load_params(tmp_path / "params.yaml")) == 2
    assert (
        "is missing: run in the folder of a campaign (prefloop init) or in the repository, or pass --params FILE"
        in capsys.readouterr().err
    )


def test_parameters_are_frozen():
    params = load_params(FILE)
    with pytest.raises(ValueError, match="frozen"):
        params.embed.model = "x"


def at(content: Any, path: tuple[str, ...]) -> Any:
    """Value under a path of keys, None where there is none."""
    for step in path:
        content = content.get(step) if isinstance(content, dict) else None
    return content


def leaves(content: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all values that are no sections."""
    if not isinstance(content, dict):
        return [path]
    return [leaf for key, below in content.items() for leaf in leaves(below, (*path, key))]


def repeated(content: Any, base: Any) -> list[tuple[str, ...]]:
    """Values of `base` that some content says again, in the order of the shorter: what an overlay need not say."""
    shorter = min((leaves(content), leaves(base)), key=len)
    return [path for path in shorter if at(content, path) == at(base, path)]


@pytest.mark.parametrize(("path", "base"), [(PAPER, FILE), (AS_PUBLISHED, PAPER)], ids=["paper", "as_published"])
def test_a_preset_is_valid_and_differs_in_all_it_says(path: Path, base: Path):
    content = yaml.safe_load(path.read_text())
    assert content.pop("extends") == ("packaged" if base == FILE else base.name)
    params = load_params(path).model_dump(mode="json")
    assert repeated(content, load_params(base).model_dump(mode="json")) == []
    assert repeated(params, content) == leaves(content)


def test_the_paper_s_scale():
    params = load_params(PAPER)
    assert params.benchmark.budget == 24_000
    assert params.reward.mlp_ensemble.layers == (2048, 256)
    assert not params.reward.mlp_ensemble.standardise
    assert "bal_pm" in params.benchmark.policies
    assert not [name for name in params.benchmark.policies if "published" in name]


def test_the_published_code_s_own_choices():
    paper, published = load_params(PAPER), load_params(AS_PUBLISHED)
    assert {"bal_pm_published", "power_bald_published"} < set(published.benchmark.policies)
    model = published.reward.mlp_ensemble
    assert (model.bias, model.output_bias, model.standardise) == ("uniform", True, False)
    assert (model.schedule, model.warmup_steps, model.clip_norm, model.weight_decay) == ("linear", 5, 1.0, 0.0)
    batch = published.policies["bal_pm_published"].batch.model_dump()
    assert (batch["beta"], batch["k"], batch["standardisation"]) == (0.01, 13, "slip")
    # Apart from these, both presets run the same experiment.
    assert published.benchmark.budget == paper.benchmark.budget
    assert (published.data, published.embed, published.benchmark.seeds) == (
        paper.data,
        paper.embed,
        paper.benchmark.seeds,
    )
