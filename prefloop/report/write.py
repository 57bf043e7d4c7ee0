"""Writing a comparison: the whole folder or nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from prefloop.config.shared import Compare
from prefloop.report.comparison import DataFacts, compare_runs, contest_between, draw
from prefloop.report.document import document
from prefloop.report.judged import Judged
from prefloop.report.outcomes import compare_outcomes, draw_outcomes, outcome_series
from prefloop.report.page import write_folder
from prefloop.report.plots import draw_all
from prefloop.report.results import Savings
from prefloop.report.runs import Runs, SplitScores
from prefloop.report.tables import curves_schema, curves_table, mean_schema, mean_table

NO_POLICIES = (
    "Nothing to compare: no simulated runs are configured. Name policies in `benchmark.policies` and seeds in "
    "`benchmark.seeds`; simulated runs need labels or scores for the pool. Without them, use the campaign."
)


def write_report(
    folder: Path,
    runs: Runs,
    scores: dict[str, SplitScores],
    judged: Judged | None,
    config: Compare,
    facts: DataFacts,
) -> Savings:
    """Compare the runs and write the report's folder.

    Writes curves.csv, curves_mean.csv, downstream.csv, savings.json, metrics.json, report.md and
    plots/*.svg, *.png.

    Args:
        folder: what stands there is replaced.
        runs: the runs.
        scores: their scores by split.
        judged: their retrained models on the test split, or None without one.
        config: section `compare`.
        facts: what was compared on.

    Returns:
        The content of savings.json.
    """
    if "test" not in scores or judged is None:
        note = "Nothing to compare: the test split has no pair with a known answer."
        return write_nothing(folder, config, facts, note)
    curves = draw(runs, scores, config)
    judged_curves = draw_outcomes(runs, judged, config)
    outcomes = compare_outcomes(runs, judged, judged_curves, config, facts)
    savings = compare_runs(runs, scores, curves, outcomes, config, facts)
    mean = mean_table(runs, scores, curves, contest_between(runs, config, facts))
    pictures = draw_all(savings, mean, runs.rounds, outcome_series(runs, judged, judged_curves, config, facts))
    tables = {"curves": curves_table(runs), "curves_mean": mean, "downstream": runs.downstream}
    _write(folder, savings, tables, pictures)
    return savings


def write_nothing(folder: Path, config: Compare, facts: DataFacts, note: str) -> Savings:
    """Write a report that says why there is nothing to compare; its tables have no rows."""
    savings = Savings(
        dataset=facts.dataset,
        data_target=facts.target,
        splits=facts.splits,
        evaluated={},
        reference=config.reference[0],
        streams=[],
        seeds=[],
        n_labels=[],
        n_val_labels=0,
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=[],
        target=None,
        reference_gain=None,
        conclusive=False,
        reasons=[note],
        conclusions={},
        finding=None,
        policies={},
        outcomes=None,
        choices={},
        note=note,
    )
    empty = {"curves": curves_schema().empty_table(), "curves_mean": mean_schema().empty_table()}
    _write(folder, savings, empty, {})
    return savings


def headline_metrics(savings: Savings) -> dict[str, dict[str, float | None]]:
    """The few numbers per policy that `dvc metrics show` lists; null where nothing can be told."""
    return {
        name: {
            "saved": result.saved,
            "saved_against_random": result.saving.saved
            if result.saving is not None and result.saving.told
            else None,
            "area_difference": result.area.difference,
            "final_test_log_likelihood": result.final["test"]["log_likelihood"].value,
            **_primary(savings, name),
        }
        for name, result in savings.policies.items()
    }


def _primary(savings: Savings, policy: str) -> dict[str, float | None]:
    names = {"reward_model": "retrained_test_accuracy", "policy": "proxy_test_score"}
    numbers: dict[str, float | None] = {}
    if savings.outcomes is not None:
        for outcome, outcome_result in savings.outcomes.primary.items():
            result, name = outcome_result.policies[policy], names[outcome]
            numbers |= {name: result.by_share[-1].value, f"{name}_saved": result.saved}
    return numbers


def _write(folder: Path, savings: Savings, tables: dict[str, pa.Table], pictures: dict[str, bytes]) -> None:
    documents = {"savings": savings.model_dump(mode="json"), "metrics": headline_metrics(savings)}
    write_folder(folder, tables, documents, document(savings, pictures), pictures)
