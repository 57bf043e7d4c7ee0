import csv
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from prefloop.config import load_params, packaged_params
from prefloop.errors import StateError
from prefloop.report.facts import controls
from prefloop.report.figure import spread
from prefloop.report.results import read_savings
from prefloop.report.terminal import terminal_table
from prefloop.report.write import NO_POLICIES, write_nothing, write_report
from tests.report.conftest import CONFIG, FACTS

HEAD = "policy,seed,round,n_labels,n_val_labels,split,log_likelihood,accuracy,brier,ece"


@pytest.fixture(scope="module")
def folder(runs, scores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "report"
    write_report(folder, runs, scores, CONFIG, FACTS)
    return folder


def rows(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_same_runs_give_the_same_bytes(folder, runs, scores, tmp_path):
    write_report(tmp_path / "again", runs, scores, CONFIG, FACTS)
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert len(files) == 5 + 2 * 7
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_curves_hold_every_run_round_and_split(folder, runs):
    assert (folder / "curves.csv").read_text().startswith(HEAD + ",")
    of = rows(folder / "curves.csv")
    assert len(of) == 4 * 3 * 6 * 2
    first = runs.metrics.to_pylist()[0]
    assert float(of[0]["log_likelihood"]) == first["log_likelihood"]


def test_mean_curves_are_means_with_intervals_around_them(folder):
    curves, means = rows(folder / "curves.csv"), rows(folder / "curves_mean.csv")
    assert len(means) == 4 * 6 * 2
    for mean in means:
        of = [
            float(row["log_likelihood"])
            for row in curves
            if all(row[key] == mean[key] for key in ("policy", "round", "split"))
        ]
        value = float(mean["log_likelihood"])
        assert value == pytest.approx(np.mean(of))
        assert float(mean["log_likelihood_stderr"]) == pytest.approx(np.std(of, ddof=1) / 3**0.5)
        assert float(mean["log_likelihood_low"]) < value < float(mean["log_likelihood_high"])


def test_savings_are_strict_json_and_read_back(folder):
    text = (folder / "savings.json").read_text()
    json.loads(text, parse_constant=pytest.fail)
    savings = read_savings(folder / "savings.json")
    assert savings.policies["bald"].saved is None
    assert json.loads((folder / "metrics.json").read_text())["bald"]["saved"] is None


def test_another_versions_savings_are_refused(tmp_path):
    (tmp_path / "savings.json").write_text("{}")
    with pytest.raises(StateError, match="run the stage compare again"):
        read_savings(tmp_path / "savings.json")


def test_the_report_says_gains_and_losses_and_its_links_hold(folder):
    text = (folder / "report.md").read_text()
    assert "**bal_pm** learns faster than random" in text
    assert "**bald** learns more slowly than random" in text
    assert "never reaches random's final test log-likelihood" in text
    assert "Control: random_control" in text
    assert "saved, validation counted" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 7
    assert all((folder / link).is_file() for link in links)


def test_the_table_shows_intervals_with_their_brackets(folder):
    sink = io.StringIO()
    console = Console(file=sink, width=120)
    console.print(terminal_table(read_savings(folder / "savings.json")))
    text = sink.getvalue()
    assert re.search(r"bal_pm .*\d+% \[\d+%, \d+%\].*better", text)
    assert re.search(r"bald .*never.*worse", text)


def test_nothing_to_compare_is_said(tmp_path):
    savings = write_nothing(tmp_path / "report", CONFIG, FACTS, NO_POLICIES)
    assert NO_POLICIES in (tmp_path / "report" / "report.md").read_text()
    assert (tmp_path / "report" / "curves.csv").read_text().startswith(HEAD)
    assert read_savings(tmp_path / "report" / "savings.json") == savings
    assert savings.budget == 0
    terminal_table(savings)


def test_no_evaluation_pairs_give_a_report_that_says_so(runs, tmp_path):
    savings = write_report(tmp_path / "report", runs, {}, CONFIG, FACTS)
    assert "no pair with a known answer" in (savings.note or "")


def test_controls_are_random_with_another_stream():
    assert controls(load_params(packaged_params())) == {"random_control"}


def test_names_are_moved_apart_within_bounds():
    places = spread([0.0, 0.01, 0.02, 0.9, 1.0], 0.1, 0.0, 1.0)
    assert (np.diff(places) >= 0.1 - 1e-9).all()
    assert places[0] >= 0
    assert places[-1] <= 1
