import shutil

import numpy as np
import pyarrow as pa
import pytest

from prefloop.dpo.report.runs import load_runs
from prefloop.errors import StateError
from prefloop.io.arrays import read_table, write_table
from tests.dpo.report.simulate import Kind, number_of, simulate, write_run


def changed(folder, tmp_path, file, change):
    """A copy of a run with one table changed."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    write_table(copy / file, change(read_table(copy / file)))
    return copy


def column(table, name, values):
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))


def test_scores_are_those_of_the_files(folders):
    runs = load_runs(folders)
    assert runs.scores["win_oracle"].shape == (5, 6, 5, 150)
    expected = simulate(Kind(speed=1.3, skill=0.12), 2, number_of("hybrid"))
    place = runs.policies.index("hybrid"), 2
    np.testing.assert_array_equal(runs.scores["kl"][place], expected["kl"])
    np.testing.assert_array_equal(runs.column("n_ties")[place], range(5))
    assert np.isnan(runs.column("agreement")[..., :2]).all()


def test_a_missing_run_is_named(folders, tmp_path):
    with pytest.raises(StateError, match=r"policy bald, seed 0 .*rounds@bald-0.*run\.policies"):
        load_runs({**folders, ("bald", 0): tmp_path / "none"})


def test_every_policy_needs_every_seed(folders):
    with pytest.raises(StateError, match=r"policy hybrid, seed 2 is not there \(no folder\)"):
        load_runs({key: folder for key, folder in folders.items() if key != ("hybrid", 2)})


def test_runs_of_different_length_are_refused(folders, tmp_path):
    scores = simulate(Kind(), 0, 1, rounds=3)
    short = write_run(tmp_path / "short", "hybrid", 0, Kind(), scores)
    with pytest.raises(StateError, match=r"n_labels per round differs .*random-0 and hybrid-0 \(64 and 48"):
        load_runs({**folders, ("hybrid", 0): short})


def test_other_test_prompts_are_refused(folders, tmp_path):
    def backwards(table):
        ids = table["prompt_id"].to_pylist()[:150]
        return column(table, "prompt_id", ids[::-1] * 5)

    other = changed(folders["hybrid", 0], tmp_path, "evaluation.parquet", backwards)
    with pytest.raises(StateError, match=r"test prompts differ .*random-0 and hybrid-0 .*same order"):
        load_runs({**folders, ("hybrid", 0): other})


def test_another_start_model_is_refused(folders, tmp_path):
    other = changed(folders["hybrid", 0], tmp_path, "rounds.parquet", lambda t: column(t, "reference", ["r1"] * 5))
    with pytest.raises(StateError, match=r"start models .* have different weights"):
        load_runs({**folders, ("hybrid", 0): other})


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("rounds.parquet", lambda t: t.drop_columns("reference"), "lacks the columns reference"),
        ("evaluation.parquet", lambda t: t.drop_columns(["oracle", "judge"]), "lacks the columns oracle, judge"),
        ("rounds.parquet", lambda t: t.slice(0, 1), "expected 0"),
        ("rounds.parquet", lambda t: t.slice(1), "expected 0"),
        ("evaluation.parquet", lambda t: t.slice(0, 749), "same test prompts in each of 5 rounds"),
        ("evaluation.parquet", lambda t: t.slice(0, 0), "same test prompts in each of 5 rounds"),
        ("evaluation.parquet", lambda t: column(t, "oracle", [2.0] * 750), "from 0 to 1, or null"),
        ("evaluation.parquet", lambda t: column(t, "kl", [None] * 750), "kl .* finite"),
    ],
)
def test_malformed_files_are_named_with_a_remedy(folders, tmp_path, file, change, message):
    other = changed(folders["hybrid", 0], tmp_path, file, change)
    with pytest.raises(StateError, match=rf"{file}.*{message}.*rounds@hybrid-0"):
        load_runs({**folders, ("hybrid", 0): other})


def test_a_damaged_file_is_named(folders, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folders["hybrid", 0], copy)
    (copy / "evaluation.parquet").write_bytes(b"half a file")
    with pytest.raises(StateError, match=r"evaluation\.parquet is damaged"):
        load_runs({**folders, ("hybrid", 0): copy})


def test_simulated_runs_have_the_columns_that_runs_write(folders):
    from prefloop.dpo.metrics import ROUNDS
    from prefloop.dpo.output import EVALUATION, PAIRS

    for name, schema in (("rounds", ROUNDS.schema), ("evaluation", EVALUATION), ("pairs", PAIRS)):
        assert read_table(folders["random", 0] / f"{name}.parquet").schema.equals(schema), name
