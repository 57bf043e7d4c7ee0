"""The published comparisons, measured anew, and the tables that the documents include.

python -m benchmarks.published --data DIR --out OUT [--sets ukp hh] [--jobs 2] > FILE
python -m benchmarks.published --tables

DIR holds the preference files named in `COMPARISONS` (docs/researcher.md says where the data come from). Every
comparison goes through the same code as `prefloop bench`, resumes like it, and leaves its report in OUT/NAME. Its
numbers go to docs/results/NAME.json, and from there into the documents: whatever stands between
`<!-- results TABLE NAME -->` and `<!-- end -->` is written anew. `--tables` does that alone.
Prints one JSON object: by comparison the seconds that it took and the finding.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.published_tables import DOCUMENTS, RESULTS, fill
from cli._bench_run import bench_params
from prefloop.config import Params, load_params, packaged_params, parse_params
from prefloop.io.atomic import write_text
from prefloop.io.layout import Layout
from prefloop.pool.bench import bench
from prefloop.report.numbers import Against, Difference
from prefloop.report.results import Savings

PAIR_POLICIES = (
    *("bal_pm", "bal_pm_kl", "prompt_entropy", "thinned_power", "power_bald", "softmax_bald", "softrank_bald"),
    *("bald", "variance", "entropy", "k_centre", "d_optimal"),
)
CORE_POLICIES = ("bal_pm", "prompt_entropy")
FEW_RULES = ("dts", "maxminlcb", "drts", "deltaucb", "greedy")
FEW_POLICIES = ("bal_pm", "prompt_entropy", "thinned_power", "power_bald", "bald", "d_optimal")
PAIR_RULES = (
    *("maxmin", "longest", "ultrafeedback", "infomax", "dts", "maxminlcb", "drts", "deltaucb", "greedy"),
    *("shuffled_sigma", "drts_bal_pm", "deltaucb_bal_pm"),
)


@dataclass(frozen=True)
class Comparison:
    """One published comparison.

    Attributes:
        file: name of the preference file.
        policies: besides the baselines that need no model.
        initial, batch, rounds: labels.
        target: what the model is for.
        changes: dotted keys of the parameters that differ from the packaged ones.
        where, ood_where: rows that are used, and rows that are out of distribution.
        per_prompt: pairs acquired per prompt.
        drop_largest: leave out the prompt that has the most pairs.
    """

    file: str
    policies: tuple[str, ...]
    initial: int
    batch: int
    rounds: int
    target: str = "prompts"
    changes: tuple[tuple[str, Any], ...] = ()
    where: str | None = None
    ood_where: str | None = None
    per_prompt: str | None = None
    drop_largest: bool = False


_ALIKE = (("reward.balance", 0.0),)
_ANCHORED = (("reward.kind", "anchored_ensemble"),)

COMPARISONS = {
    "ethics": Comparison("ethics.jsonl.gz", FEW_POLICIES, 160, 160, 12),
    "ethics_alike": Comparison("ethics.jsonl.gz", ("bal_pm",), 160, 160, 12, changes=_ALIKE),
    "ethics_pairs": Comparison("ethics.jsonl.gz", CORE_POLICIES, 160, 160, 12, target="pairs"),
    "ethics_rest": Comparison("ethics.jsonl.gz", CORE_POLICIES, 160, 160, 12, drop_largest=True),
    "ukp": Comparison("ukp.jsonl.gz", PAIR_POLICIES, 80, 80, 10),
    "hh": Comparison(
        "hh.jsonl.gz", PAIR_POLICIES, 80, 80, 10, where="domain=helpful", ood_where="domain=harmless"
    ),
    "arena_bench": Comparison("arena_bench.jsonl.gz", PAIR_RULES, 160, 160, 9, per_prompt="unlimited"),
    "summeval": Comparison("summeval.jsonl.gz", PAIR_RULES, 48, 48, 10, per_prompt="unlimited"),
    "arena_bench_anchored": Comparison(
        "arena_bench.jsonl.gz", FEW_RULES, 160, 160, 9, per_prompt="unlimited", changes=_ANCHORED
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sets", nargs="+", choices=COMPARISONS, default=list(COMPARISONS))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--tables", action="store_true", help="Only write the documents' tables again.")
    arguments = parser.parse_args()
    done = {}
    if not arguments.tables:
        if arguments.data is None or arguments.out is None:
            parser.error("--data and --out are needed to measure")
        for name in arguments.sets:
            start = time.perf_counter()
            savings = measure(name, COMPARISONS[name], arguments)
            record = numbers(savings, Layout.folder(arguments.out / name))
            write_text(RESULTS / f"{name}.json", json.dumps(record, indent=1) + "\n")
            done[name] = {"seconds": round(time.perf_counter() - start), "finding": record["finding"]}
    for document in DOCUMENTS:
        write_text(document, fill(document.read_text()))
    print(json.dumps(done, indent=1))


def measure(name: str, comparison: Comparison, arguments: argparse.Namespace) -> Savings:
    """Run one comparison, or what is missing of it."""
    changes = {"seeds": arguments.seeds, "jobs": arguments.jobs}
    params = comparison_params(comparison, arguments.data, arguments.out / name, changes)
    return bench(params, Layout.folder((arguments.out / name).resolve()))


def comparison_params(comparison: Comparison, data: Path, out: Path, changes: dict[str, Any]) -> Params:
    """Parameters of a published comparison, and its data where a part of a file is used.

    Args:
        comparison: which.
        data: folder of the preference files.
        out: its folder; data of its own lie beside it.
        changes: further values of the section `benchmark`; None leaves one as it is.
    """
    file = data / comparison.file
    if comparison.drop_largest:
        file = _without_the_largest(file, out.parent)
    params = bench_params(
        with_changes(load_params(packaged_params()), comparison.changes),
        out=out,
        data=file,
        ood=None,
        columns=None,
        verdicts=None,
        where=comparison.where,
        ood_where=comparison.ood_where,
        per_prompt=comparison.per_prompt,
        target=comparison.target,
        baselines=True,
        changes={
            "policies": comparison.policies,
            "rounds": comparison.rounds,
            "initial": comparison.initial,
            "batch": comparison.batch,
            **changes,
        },
    )
    return with_changes(params, (("tracking.enabled", False),))


def with_changes(params: Params, changes: tuple[tuple[str, Any], ...]) -> Params:
    """Parameters with some dotted keys changed, checked again."""
    content = params.model_dump(mode="json")
    for key, value in changes:
        *sections, last = key.split(".")
        place = content
        for section in sections:
            place = place[section]
        place[last] = value
    return parse_params(content, "benchmarks.published")


def _without_the_largest(data: Path, out: Path) -> Path:
    """A copy of a preference file without the prompt that has the most rows."""
    with gzip.open(data, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    prompts = [json.loads(line)["prompt"] for line in lines]
    largest, _ = Counter(prompts).most_common(1)[0]
    kept = "".join(line for line, prompt in zip(lines, prompts, strict=True) if prompt != largest)
    path = out / f"{data.name.split('.')[0]}_rest.jsonl"
    write_text(path, kept)
    return path


def numbers(savings: Savings, layout: Layout) -> dict[str, Any]:
    """What the tables say of one comparison, rounded as they are printed."""
    report = json.loads((layout.prepared / "report.json").read_text())
    return {
        "seeds": len(savings.seeds),
        "n_labels": [savings.n_labels[0], savings.n_labels[-1]],
        "splits": {name: size.model_dump() for name, size in savings.splits.items()},
        "evaluated": savings.evaluated,
        "concentration": report["concentration"],
        "reference_rise": _rounded(savings.reference_gain),
        "conclusive": savings.conclusive,
        "reasons": savings.reasons,
        "finding": None if savings.finding is None else savings.finding.model_dump(mode="json"),
        "policies": {name: _policy(savings, name) for name in savings.policies},
    }


def _policy(savings: Savings, name: str) -> dict[str, Any]:
    of = savings.policies[name]
    found: dict[str, Any] = {
        "model_free": of.model_free,
        "control": of.control,
        "oracle_upper_bound": of.oracle_upper_bound,
        "prompts": round(of.prompts),
        "final": _rounded(of.final["test"]["log_likelihood"]),
        "accuracy": _rounded(of.final["test"]["accuracy"]),
        "area": _rounded(of.area),
        "against_random": _duel(of.against_random),
        "against_best": _duel(of.against_best),
        "views": {view: _rounded(one and one.area) for view, one in of.views.items()},
        "ood": _duel(of.ood and of.ood.against_random),
    }
    if savings.outcomes is not None:
        found["outcomes"] = {
            key: {
                "final": _rounded(outcome.policies[name].by_share[-1]),
                "against_random": _duel(outcome.policies[name].against_random),
                "against_best": _duel(outcome.policies[name].against_best),
            }
            for key, outcome in savings.outcomes.primary.items()
        }
    choices = savings.choices.get(name)
    if choices is not None and choices.gap is not None:
        found["choices"] = json.loads(choices.model_dump_json(exclude={"chosen", "rejected"}))
    return found


def _duel(against: Against | None) -> dict[str, Any] | None:
    if against is None:
        return None
    saving = against.saving
    return {
        "baseline": against.baseline,
        "area": _rounded(against.area),
        "verdict": against.verdict,
        **{key: _round(getattr(saving, key)) for key in ("saved", "saved_low", "saved_high")},
        **{key: getattr(saving, key) for key in ("beyond", "open_low", "open_high")},
    }


def _rounded(difference: Difference | None) -> dict[str, float | None] | None:
    return None if difference is None else {key: _round(value) for key, value in difference.model_dump().items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


if __name__ == "__main__":
    main()
