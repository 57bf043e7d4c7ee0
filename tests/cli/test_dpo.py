"""`prefloop dpo`: a whole comparison on a file of prompts and a model folder, and what is refused."""

from __future__ import annotations

import json

import pytest
import yaml

from prefloop.dpo.prompt_set import PromptSet, check_counts
from tests.dpo.worlds import prompts, small_params, write_start


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A file of prompts, a model folder, and small parameters."""
    root = tmp_path_factory.mktemp("inputs")
    file = root / "prompts.jsonl"
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts(200)))
    params = small_params(tracking={"enabled": True}).model_dump(mode="json")
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return file, write_start(root / "model"), root / "params.yaml"


def command(inputs, out, *options):
    file, model, params = inputs
    common = ("--prompts", str(file), "--model", str(model), "--params", str(params), "--out", str(out))
    return ("dpo", "run", *common, *options)


SHORT = ("--policies", "certainty", "--seeds", "2", "--rounds", "2", "--batch", "5")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


def test_a_comparison_from_nothing_and_again(prefloop, inputs, out):
    done = prefloop(*command(inputs, out, *SHORT))
    assert done.code == 0, done.err
    assert "certainty" in done.out
    assert done.err.count("round 2: 10 labels") == 4
    report = (out / "report" / "report.md").read_text()
    assert "random" in report
    effective = yaml.safe_load((out / "params.yaml").read_text())
    assert effective["run"]["policies"] == ["random", "certainty"]
    assert effective["run"]["seeds"] == [0, 1]
    # Nothing is computed again: neither prompts, nor the start model, nor a round.
    assert done.err.count("sft:") == done.err.count("prompts:") == 1
    again = prefloop(*command(inputs, out, *SHORT, "--json"))
    assert "runs: 0 of 4 to make" in again.err
    assert not [said for said in ("sft:", "prompts:", " round ") if said in again.err]
    assert json.loads(again.out)["n_labels"] == [5, 10]


def test_other_prompts_in_the_same_file_start_anew(prefloop, inputs, tmp_path):
    file = tmp_path / "prompts.jsonl"
    file.write_text(inputs[0].read_text())
    changed = (file, *inputs[1:])
    short = ("--policies", "random", "--seeds", "1", "--rounds", "1", "--batch", "4")
    assert prefloop(*command(changed, tmp_path / "out", *short)).code == 0
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:150]))
    again = prefloop(*command(changed, tmp_path / "out", *short))
    assert "prompts: 150 prompts" in again.err
    assert "its former state is kept" in again.err


def test_the_report_is_printed(prefloop, inputs, out):
    prefloop(*command(inputs, out, *SHORT))
    shown = prefloop("dpo", "report", "--out", str(out))
    assert shown.code == 0
    assert f"report: {out / 'report' / 'report.md'}" in shown.out
    told = json.loads(prefloop("dpo", "report", "--out", str(out), "--json").out)
    assert told["reference"] == "random"


def test_runs_are_tracked_beside_the_comparison_and_can_be_tracked_again(prefloop, inputs, out):
    prefloop(*command(inputs, out, *SHORT))
    assert (out / "mlflow.db").is_file()
    told = json.loads(prefloop("track", "--params", str(out / "params.yaml"), "--json").out)
    assert told["runs"] == 4
    assert str(out) in told["uri"]


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (("--policies", "certanty"), 2, "unknown policy 'certanty'"),
        (("--batch", "1000"), 2, "run.batch * run.rounds = 1000 * 3 = 3000"),
        (("--model", "no/such/folder/at/all"), 1, "start.model"),
        (("--prompts", "missing.jsonl"), 2, "missing.jsonl is missing"),
        (("--oracle", "endpoint"), 2, "--oracle: got endpoint, expected vader, textblob, coin"),
        (("--oracle", "textblob"), 2, "judge: the same as oracle.judge"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(prefloop, inputs, tmp_path, options, code, expected):
    refused = prefloop(*command(inputs, tmp_path / "out", *options))
    assert (refused.code, refused.out) == (code, "")
    assert expected in refused.err
    assert not (tmp_path / "out" / "runs").exists()


def test_nobody_labels_what_is_ones_own_unless_named(prefloop, inputs, tmp_path):
    """The packaged oracle is a lexicon of sentiment: on somebody's task it would judge silently."""
    file, model, _ = inputs
    for options in (("--prompts", file), ("--model", model), ("--prompts", file, "--model", model)):
        refused = prefloop("dpo", "run", *options, "--out", tmp_path / "out")
        assert (refused.code, refused.out) == (2, "")
        assert f"{options[0]}" in refused.err
        assert "nothing says who labels, and the packaged oracle (vader)" in refused.err
    assert not (tmp_path / "out").exists()


def test_the_former_name_says_so(prefloop, inputs, out):
    prefloop(*command(inputs, out, *SHORT))
    shown = prefloop("align", "report", "--out", str(out))
    assert shown.code == 0
    assert "certainty" in shown.out
    assert "prefloop align is named prefloop dpo now" in shown.err


def test_a_report_that_is_not_there(prefloop, tmp_path):
    missing = prefloop("dpo", "report", "--out", str(tmp_path))
    assert missing.code == 1
    assert "comparison.json is missing" in missing.err


def test_sixty_prompts_are_enough_and_too_many_labels_are_refused_at_once(prefloop, inputs, tmp_path):
    file = tmp_path / "sixty.jsonl"
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts(60)))
    few = (file, *inputs[1:])
    options = ("--policies", "random", "--seeds", "1")
    refused = prefloop(*command(few, tmp_path / "out", *options, "--rounds", "7", "--batch", "24"))
    assert (refused.code, refused.out) == (2, "")
    assert "24 * 7 = 168 labels, each on a prompt of its own" in refused.err
    assert "at most run.batch" in refused.err
    assert not (tmp_path / "out" / "start").exists()
    done = prefloop(*command(few, tmp_path / "out", *options, "--rounds", "2", "--batch", "5"))
    assert done.code == 0, done.err


def test_fewer_test_prompts_than_wanted_are_all_taken_with_a_note(caplog):
    caplog.set_level("INFO")
    params = small_params(evaluation={"prompts": 512})
    few = PromptSet([str(n) for n in range(60)], ["p"] * 60, range(39), range(39, 60))
    check_counts(few, params.run, params.evaluation)
    assert "evaluation: on all 21 test prompts, as there are no 512 of them" in caplog.text
