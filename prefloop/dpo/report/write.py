"""Writer of a comparison's folder: the whole folder or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prefloop.config.shared import Compare
from prefloop.dpo.report.comparison import compare_runs
from prefloop.dpo.report.document import document
from prefloop.dpo.report.outcomes import resample
from prefloop.dpo.report.plots import draw_all
from prefloop.dpo.report.results import Comparison
from prefloop.dpo.report.run_facts import run_facts
from prefloop.dpo.report.runs import load_runs
from prefloop.dpo.report.tables import curves_table, mean_table
from prefloop.report.contest import contest_of
from prefloop.report.page import write_folder


def write_comparison(
    folder: Path, runs: Mapping[tuple[str, int], Path], compare: Compare, dataset: str
) -> Comparison:
    """Compare finished runs and write the report's folder.

    Writes curves.csv, curves_mean.csv, comparison.json, metrics.json, report.md and plots/*.svg, *.png.

    Args:
        folder: what stands there is replaced.
        runs: folder of each (policy, seed), every policy with every seed, the reference's among them.
        compare: section `compare`.
        dataset: name of the prompts.

    Returns:
        The content of comparison.json.

    Raises:
        StateError: a run is missing, damaged or not comparable with the others.
    """
    loaded = load_runs(runs)
    resampled = resample(loaded, compare)
    contest = contest_of(loaded.policies, compare.reference, frozenset())
    comparison = compare_runs(loaded, resampled, compare, run_facts(loaded, dataset, contest.reference))
    mean = mean_table(loaded, resampled, contest, compare.confidence)
    pictures = draw_all(comparison, mean)
    tables = {"curves": curves_table(loaded), "curves_mean": mean}
    documents = {"comparison": comparison.model_dump(mode="json"), "metrics": headline_metrics(comparison)}
    write_folder(folder, tables, documents, document(comparison, pictures), pictures)
    return comparison


def headline_metrics(comparison: Comparison) -> dict[str, dict[str, float | None]]:
    """The few numbers per policy that `dvc metrics show` lists."""
    return {
        name: {
            "saved": policy.wins["oracle"].saved,
            "win_oracle_area_difference": policy.wins["oracle"].area.difference,
            **{f"win_{judge}": win.final.value for judge, win in policy.wins.items()},
            "kl": policy.kl[-1].value,
            "length": policy.length[-1].value,
        }
        for name, policy in comparison.policies.items()
    }
