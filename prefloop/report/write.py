"""Writing a comparison: the whole folder or nothing."""

from __future__ import annotations

from pathlib import Path

from prefloop.config.model import Compare
from prefloop.io.atomic import atomic_folder, write_bytes, write_text
from prefloop.io.documents import write_json
from prefloop.report.comparison import DataFacts, compare_runs, resample
from prefloop.report.document import document
from prefloop.report.plots import draw_all
from prefloop.report.results import Savings
from prefloop.report.runs import Runs, SplitScores
from prefloop.report.tables import curves_schema, curves_table, mean_schema, mean_table, to_csv

NO_POLICIES = (
    "Nothing to compare: no simulated runs are configured. Name policies in `benchmark.policies` and seeds in "
    "`benchmark.seeds`; simulated runs need labels or scores for the pool. Without them, use the campaign."
)


def write_report(
    folder: Path, runs: Runs, scores: dict[str, SplitScores], config: Compare, facts: DataFacts
) -> Savings:
    """Compare the runs and write the report's folder.

    Writes curves.csv, curves_mean.csv, savings.json, metrics.json, report.md and plots/*.svg, *.png.

    Args:
        folder: what stands there is replaced.
        runs: the runs.
        scores: their scores by split.
        config: section `compare`.
        facts: what was compared on.

    Returns:
        The content of savings.json.
    """
    if "test" not in scores:
        note = "Nothing to compare: the test split has no pair with a known answer."
        return write_nothing(folder, config, facts, note)
    curves = resample(scores, config)
    savings = compare_runs(runs, scores, curves, config, facts)
    mean = mean_table(runs, curves, config.reference, config.confidence)
    pictures = draw_all(savings, mean, runs.rounds)
    _write(folder, savings, to_csv(curves_table(runs)), to_csv(mean), pictures)
    return savings


def write_nothing(folder: Path, config: Compare, facts: DataFacts, note: str) -> Savings:
    """Write a report that says why there is nothing to compare; its tables have no rows."""
    savings = Savings(
        dataset=facts.dataset,
        splits=facts.splits,
        evaluated={},
        reference=config.reference,
        seeds=[],
        n_labels=[],
        n_val_labels=0,
        confidence=config.confidence,
        resamples=config.resamples,
        interval_covers=[],
        target=None,
        reference_gain=None,
        policies={},
        note=note,
    )
    _write(folder, savings, to_csv(curves_schema().empty_table()), to_csv(mean_schema().empty_table()), {})
    return savings


def headline_metrics(savings: Savings) -> dict[str, dict[str, float | None]]:
    """The few numbers per policy that `dvc metrics show` lists."""
    return {
        name: {
            "saved": of.saved,
            "area_difference": of.area.difference,
            "final_test_log_likelihood": of.final["test"]["log_likelihood"].value,
        }
        for name, of in savings.policies.items()
    }


def _write(folder: Path, savings: Savings, curves: bytes, mean: bytes, pictures: dict[str, bytes]) -> None:
    with atomic_folder(folder) as new:
        (new / "plots").mkdir()
        write_bytes(new / "curves.csv", curves)
        write_bytes(new / "curves_mean.csv", mean)
        write_json(new / "savings.json", savings.model_dump(mode="json"))
        write_json(new / "metrics.json", headline_metrics(savings))
        write_text(new / "report.md", document(savings, pictures))
        for name, content in pictures.items():
            write_bytes(new / "plots" / name, content)
