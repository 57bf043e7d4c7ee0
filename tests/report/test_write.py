import csv
import dataclasses
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from prefloop.config import load_params, packaged_params
from prefloop.errors import StateError
from prefloop.report.amounts import plain
from prefloop.report.data_facts import model_free
from prefloop.report.figure import spread
from prefloop.report.judged import judge_runs
from prefloop.report.results import read_savings
from prefloop.report.runs import load_runs, score_split
from prefloop.report.terminal import outcomes_table, terminal_table
from prefloop.report.wording import headline
from prefloop.report.write import NO_POLICIES, write_nothing, write_report
from tests.report.conftest import CONFIG, FACTS
from tests.report.simulate import evaluated, judgeable, make_world, write_run

HEAD = "policy,seed,round,n_labels,n_val_labels,split,log_likelihood,accuracy,brier,ece,ece_floor"


@pytest.fixture(scope="module")
def folder(runs, scores, judged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "report"
    write_report(folder, runs, scores, judged, CONFIG, FACTS)
    return folder


def rows(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_same_runs_give_the_same_bytes(folder, runs, scores, judged, tmp_path):
    write_report(tmp_path / "again", runs, scores, judged, CONFIG, FACTS)
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert len(files) == 6 + 2 * 10
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_curves_hold_every_run_round_and_split(folder, runs):
    assert (folder / "curves.csv").read_text().startswith(HEAD + ",")
    of = rows(folder / "curves.csv")
    assert len(of) == 5 * 3 * 6 * 2
    first = runs.metrics.to_pylist()[0]
    assert float(of[0]["log_likelihood"]) == first["log_likelihood"]


def test_mean_curves_are_means_with_intervals_around_them(folder):
    curves, means = rows(folder / "curves.csv"), rows(folder / "curves_mean.csv")
    assert len(means) == 5 * 6 * 2
    streams = {"random": ("random", "random_control")}
    for mean in means:
        names = streams.get(mean["policy"], (mean["policy"],))
        same = [row for row in curves if row["policy"] in names]
        same = [row for row in same if all(row[key] == mean[key] for key in ("round", "split"))]
        # The pooled random's value of a seed is the mean of its streams.
        of = [np.mean([float(row["log_likelihood"]) for row in same if row["seed"] == seed]) for seed in "012"]
        value = float(mean["log_likelihood"])
        assert value == pytest.approx(np.mean(of))
        assert float(mean["log_likelihood_stderr"]) == pytest.approx(np.std(of, ddof=1) / 3**0.5)
        assert float(mean["log_likelihood_low"]) < value < float(mean["log_likelihood_high"])


def test_savings_are_strict_json_and_read_back(folder):
    text = (folder / "savings.json").read_text()
    json.loads(text, parse_constant=pytest.fail)
    savings = read_savings(folder / "savings.json")
    metrics = json.loads((folder / "metrics.json").read_text())
    for name, of in savings.policies.items():
        expected = None if of.primary is None else of.primary.saving.saved
        assert metrics[name]["saved"] == expected
    assert metrics["bald"]["saved"] < 0


def test_another_versions_savings_are_refused(tmp_path):
    (tmp_path / "savings.json").write_text("{}")
    with pytest.raises(StateError, match="run the stage compare again"):
        read_savings(tmp_path / "savings.json")


def test_the_report_says_gains_and_losses_and_its_links_hold(folder):
    text = (folder / "report.md").read_text()
    assert "Control: random_control" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 10
    assert all((folder / link).is_file() for link in links)


def test_the_answer_leads_and_the_advice_ends(folder):
    text, of = (folder / "report.md").read_text(), read_savings(folder / "savings.json").finding
    title, sentence, *_ = [line for line in text.splitlines() if line]
    assert title.startswith("# ")
    assert sentence == of.sentence
    assert text.rstrip().splitlines()[-1].startswith(of.advice_sentence)
    order = ["plots/test_log_likelihood.png", "## By the primary outcome", "## The same curves for other uses"]
    order += ["## What was compared", "## Secondary outcomes", "## All numbers", "## What to do"]
    assert sorted(order, key=text.index) == order
    assert "Declared target: `pairs`" in text


def test_verdicts_stand_in_the_table_of_the_primary_outcome_alone(folder):
    text = (folder / "report.md").read_text()
    begin, end = text.index("## By the primary outcome"), text.index("Control: random_control")
    table, rest = text[begin:end], text[end:]
    assert re.search(r"\| bal_pm \|.* better \|", table)
    assert re.search(r"\| bald \|.* worse \|", table)
    assert not re.search(r"\| (better|worse|no difference|cannot tell) \|", text[:begin] + rest)
    assert " *" in rest


def test_the_table_shows_intervals_with_their_brackets(folder):
    sink = io.StringIO()
    console = Console(file=sink, width=120)
    console.print(terminal_table(read_savings(folder / "savings.json")))
    text = sink.getvalue()
    savings = read_savings(folder / "savings.json")
    assert " ".join(text.split()).startswith(plain(savings.finding.sentence))
    assert re.search(r"bal_pm .*\d+% \[\d+%, (> )?\d+%\].*better", text)
    assert re.search(r"bald .*-\d+% \[.*worse", text)


def test_nothing_to_compare_is_said(tmp_path):
    savings = write_nothing(tmp_path / "report", CONFIG, FACTS, NO_POLICIES)
    assert NO_POLICIES in (tmp_path / "report" / "report.md").read_text()
    assert (tmp_path / "report" / "curves.csv").read_text().startswith(HEAD)
    assert read_savings(tmp_path / "report" / "savings.json") == savings
    assert savings.budget == 0
    terminal_table(savings)
    assert outcomes_table(savings) is None


def test_no_evaluation_pairs_give_a_report_that_says_so(runs, tmp_path):
    savings = write_report(tmp_path / "report", runs, {}, None, CONFIG, FACTS)
    assert "no pair with a known answer" in (savings.note or "")


def test_policies_without_a_model_are_random_ones():
    params = load_params(packaged_params())
    found = model_free(params)
    assert {"random", "random_control"} <= found
    assert not found & {"bald", "bal_pm", "prompt_entropy"}


def test_names_are_moved_apart_within_bounds():
    places = spread([0.0, 0.01, 0.02, 0.9, 1.0], 0.1, 0.0, 1.0)
    assert (np.diff(places) >= 0.1 - 1e-9).all()
    assert places[0] >= 0
    assert places[-1] <= 1


def test_both_secondary_outcomes_are_described(folder):
    text = (folder / "report.md").read_text()
    section = text[text.index("## What the labels bought: retrained reward model and policy proxy") :]
    found = [line for line in section.splitlines() if line.startswith("| bal_pm |")]
    savings = read_savings(folder / "savings.json")
    for row, outcome in zip(found, savings.outcomes.primary.values(), strict=False):
        assert row.endswith(f"| {outcome.policies['bal_pm'].saving.labels_to_target:.0f} |")
        assert " * |" in row
    assert "> **random's" not in section
    assert "bal_pm minus bald" in section
    control = next(line for line in section.splitlines() if "random_control minus random" in line)
    assert control.endswith("The uncertainty does nothing here that these runs can show.")
    assert not section[: section.index("random_control minus")].count("does nothing")
    chosen = text[text.index("## Which two responses were compared") :]
    assert "strong 75%, weak 25%" in chosen
    assert re.search(
        r"\| bald \| \d\.\d+ \[\d\.\d+, \d\.\d+\] \|.* 10\.0 \[10\.0, 10\.0\] \| 60 \| 120 \|", chosen
    )


def test_the_second_table_shows_outcomes_and_choices(folder):
    savings = read_savings(folder / "savings.json")
    sink = io.StringIO()
    Console(file=sink, width=170).print(outcomes_table(savings))
    assert re.search(r"bal_pm .* \+0\.\d+ \[\+.* \d+% \[.* 10% │ +120", sink.getvalue())


def test_headline_metrics_have_both_primary_outcomes(folder):
    metrics = json.loads((folder / "metrics.json").read_text())["bal_pm"]
    savings = read_savings(folder / "savings.json")
    for outcome, name in (("reward_model", "retrained_test_accuracy"), ("policy", "proxy_test_score")):
        of = savings.outcomes.primary[outcome].policies["bal_pm"]
        assert (metrics[name], metrics[f"{name}_saved"]) == (of.by_share[-1].value, of.primary.saving.saved)


def test_an_oracle_upper_bound_is_marked_wherever_it_stands(runs, scores, judged, tmp_path):
    facts = dataclasses.replace(FACTS, oracle_upper_bounds=frozenset({"bal_pm"}))
    savings = write_report(tmp_path / "report", runs, scores, judged, CONFIG, facts)
    text = (tmp_path / "report" / "report.md").read_text()
    assert savings.finding.policy != "bal_pm"
    assert headline("bal_pm", savings).startswith("**bal_pm** (oracle upper bound) learns faster")
    outcomes = text[text.index("## What the labels bought") :]
    rows = [line for line in outcomes.splitlines() if line.startswith("| bal_pm")]
    assert len(rows) >= 8
    assert all(row.startswith("| bal_pm (oracle upper bound) |") for row in rows)
    assert "120 (bal_pm) annotation" in outcomes
    assert savings.policies["bal_pm"].oracle_upper_bound


def test_listed_pairs_without_scores_read_well(tmp_path):
    world = make_world(prompts=10, scored=False, ood=False)
    folders = {(name, 0): write_run(tmp_path / name, world, name, 0, 1.0) for name in ("random", "other")}
    runs = load_runs(folders)
    scores = {"test": score_split(runs, evaluated(world, "test", runs.seeds))}
    judged = judge_runs(runs, judgeable(world, runs.seeds))
    facts = dataclasses.replace(FACTS, ablations=())
    savings = write_report(tmp_path / "report", runs, scores, judged, CONFIG, facts)
    text = (tmp_path / "report" / "report.md").read_text()
    assert "## What the labels bought: retrained reward model\n" in text
    assert "no test prompt has responses of different scores" in text
    assert "best-of-K" not in text
    assert "gap" not in text[text.index("## Which two") :]
    assert not any(word in text for word in ("None", "nan"))
    assert not (tmp_path / "report" / "plots" / "choices.png").exists()
    assert outcomes_table(savings) is None
    assert "proxy_test_score" not in json.loads((tmp_path / "report" / "metrics.json").read_text())["other"]
