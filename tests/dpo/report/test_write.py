import csv
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from prefloop.dpo.report.comparison import compare_runs
from prefloop.dpo.report.document import document
from prefloop.dpo.report.outcomes import resample
from prefloop.dpo.report.results import read_comparison
from prefloop.dpo.report.run_facts import run_facts
from prefloop.dpo.report.runs import load_runs
from prefloop.dpo.report.terminal import terminal_table
from prefloop.dpo.report.write import write_comparison
from prefloop.errors import StateError
from tests.dpo.report.conftest import CONFIG, SEEDS
from tests.dpo.report.simulate import Kind, in_memory, simulate, write_run


@pytest.fixture(scope="module")
def folder(folders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "report"
    write_comparison(folder, folders, CONFIG, "simulated")
    return folder


@pytest.fixture(scope="module")
def comparison(folder):
    return read_comparison(folder / "comparison.json")


def rows(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def printed(comparison, width):
    sink = io.StringIO()
    Console(file=sink, width=width).print(terminal_table(comparison))
    return sink.getvalue()


def compared(kinds, seeds=2, change=lambda number, scores: None, **sizes):
    """A comparison of simulated runs, and its report, without files or pictures."""
    scores = {
        (name, seed): simulate(kind, seed, number, **sizes)
        for number, (name, kind) in enumerate(kinds.items())
        for seed in range(seeds)
    }
    for number, of in enumerate(scores.values()):
        change(number, of)
    runs = in_memory(scores)
    comparison = compare_runs(runs, resample(runs, CONFIG), CONFIG, run_facts(runs, "simulated", "random"))
    return comparison, document(comparison, [])


def test_the_same_runs_give_the_same_bytes(folder, folders, comparison, tmp_path):
    assert write_comparison(tmp_path / "again", folders, CONFIG, "simulated") == comparison
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert len(files) == 5 + 2 * 4
    for file in files:
        assert (folder / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_curves_hold_all_rows_of_all_runs(folder, folders):
    of, runs = rows(folder / "curves.csv"), load_runs(folders)
    assert len(of) == 5 * SEEDS * 5
    assert list(of[0]) == runs.rounds.column_names
    assert [float(row["win_oracle"]) for row in of] == runs.rounds["win_oracle"].to_pylist()
    assert of[0]["loss_first"] == ""


def test_mean_curves_are_means_with_intervals_around_them(folder, comparison):
    curves, means = rows(folder / "curves.csv"), rows(folder / "curves_mean.csv")
    assert len(means) == 5 * 5
    for mean in means:
        same = [row for row in curves if all(row[key] == mean[key] for key in ("policy", "round"))]
        for name in ("win_oracle", "win_judge", "kl", "length", "distinct_2"):
            values, value = [float(row[name]) for row in same], float(mean[name])
            assert value == pytest.approx(np.mean(values))
            assert float(mean[f"{name}_stderr"]) == pytest.approx(np.std(values, ddof=1) / SEEDS**0.5)
            low, high = (float(mean[f"{name}_difference_{side}"]) for side in ("low", "high"))
            assert low <= float(mean[f"{name}_difference"]) <= high
    last = next(row for row in means if (row["policy"], row["round"]) == ("hybrid", "4"))
    low = comparison.policies["hybrid"].wins["oracle"].final.low
    assert float(last["win_oracle_difference_low"]) == pytest.approx(low)
    assert means[0]["certainty"] == ""


def test_the_comparison_is_strict_json(folder, comparison):
    json.loads((folder / "comparison.json").read_text(), parse_constant=pytest.fail)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["least_certain"]["saved"] < -0.5
    assert metrics["hybrid"]["win_judge"] == comparison.policies["hybrid"].wins["judge"].final.value


def test_another_versions_comparison_is_refused(tmp_path):
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(StateError, match="run the stage compare again"):
        read_comparison(tmp_path / "comparison.json")


def test_the_report_says_gains_and_losses_and_its_links_hold(folder):
    text = (folder / "report.md").read_text()
    assert "**hybrid** learns faster than random" in text
    assert "**least_certain** learns more slowly than random" in text
    assert re.search(r"it needs \d+% more labels", text)
    assert re.search(r"\*\*certainty\*\* learns faster .*so what it gains per label may be that it moves", text)
    assert "random's own win rate rises from 16 to 64 labels by +0." in text
    assert "Control: random_compute_matched" in text
    assert "No difference, as it should be" in text
    assert "small-model" in text
    assert "/somewhere" not in text
    assert not any(word in text for word in ("None", "nan", "One seed"))
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 4
    assert all((folder / link).is_file() for link in links)


def test_the_answer_leads_and_the_advice_ends(folder, comparison):
    lines = [line for line in (folder / "report.md").read_text().splitlines() if line]
    assert lines[1] == comparison.finding.sentence
    assert lines[-1] == comparison.finding.advice_sentence
    assert comparison.finding.policy not in ("random", "random_compute_matched")
    assert "by win rate over the start model by the training oracle, over the whole curve" in lines[1]


def test_flat_and_saturated_references_are_warned_of():
    _, flat = compared({"random": Kind(speed=1e-4), "x": Kind()})
    assert "**random itself does not clearly improve with labels** by the training oracle" in flat
    assert "Saturated" not in flat
    _, full = compared({"random": Kind(skill=0.9), "x": Kind()}, ties=0.0)
    assert "**Saturated**: random ends at 1.0" in full


def test_one_seed_is_said_in_words():
    _, text = compared({"random": Kind(), "x": Kind(speed=2)}, seeds=1)
    assert "> **One seed only**: there is no interval over seeds." in text
    assert not any(word in text for word in ("None", "nan"))


def test_one_round_is_said_in_words():
    _, text = compared({"random": Kind(), "x": Kind()}, rounds=1)
    assert "One round only" in text
    assert "one round of 16 labels" in text
    assert "does not clearly improve" not in text


def test_unjudged_prompts_are_counted_in_the_report():
    def lose(number, scores):
        scores["judge"][1, : 10 * number] = np.nan

    _, text = compared({"random": Kind(), "x": Kind()}, seeds=1, change=lose)
    assert "## By the independent judge (word_list words.txt), 140 prompts" in text
    assert "**10 of 150 test prompts are left out** by the independent judge" in text
    assert "0 of 150 (oracle), 10 of 150 (judge)" in text


def test_without_a_judge_the_report_stands_on_the_oracle(tmp_path):
    scores = {(name, 0): simulate(Kind(), 0, number) for number, name in enumerate(("random", "x"))}
    for of in scores.values():
        of["judge"][:] = np.nan
    runs = {key: write_run(tmp_path / key[0], *key, Kind(), of) for key, of in scores.items()}
    comparison = write_comparison(tmp_path / "report", runs, CONFIG, "simulated")
    assert "**No independent judge**" in (tmp_path / "report" / "report.md").read_text()
    assert not (tmp_path / "report" / "plots" / "win_judge.png").exists()
    assert "win %, judge" not in printed(comparison, 170)


@pytest.mark.parametrize("width", [100, 170])
def test_the_table_fits_and_shows_intervals_with_their_brackets(comparison, width):
    text = printed(comparison, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert re.search(r"hybrid .*│ +\d+ │ +\d+\.\d \+\d+\.\d │.*better", text)
    assert re.search(r"least_certain .*│ +never │ +\d+\.\d -\d+\.\d │.*worse", text)
    assert re.search(r"\[\+\d+\.\d, \+\d+\.\d\]", text)
    assert "random_compute_matched" in text


def test_the_training_oracle_comes_first_also_when_read_back(comparison):
    shown = printed(comparison, 170)
    assert list(comparison.judges) == ["oracle", "judge"]
    assert shown.index("oracle") < shown.index("judge")
