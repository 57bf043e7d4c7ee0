"""What BAL-PM's public code chooses against what its paper says, on prepared data; and what that costs.

python -m benchmarks.published_slip [--folder DIR]

DIR holds `prepared`, `features` and `neighbours`: the folder of `prefloop bench --out DIR`, or `data`. Without
it, only the cost is measured, on generated vectors.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.entropy_selection import DIM, clustered
from prefloop.config import Params, load_params, packaged_params
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.entropy.published import PoolEntropy
from prefloop.io.layout import Layout
from prefloop.labels.labelled import Labelled
from prefloop.oracle.hidden import hidden_of, load_hidden
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.problem import Problem, divided, load_inputs
from prefloop.pool.steps import choose_batch, fit_round, random_pairs
from prefloop.rng import Stream

BATCH, STEPS = 160, 40
FORMS = {
    "slip": ("bal_pm_published", {"standardisation": "slip"}),
    "none": ("bal_pm_published", {"standardisation": "none"}),
    "paper": ("bal_pm", {}),
}


def whole(params: Params, layout: Layout) -> tuple[Problem, SimulatedOracle]:
    """All that is not out of distribution as the pool, with no test split, and the annotator of its pairs."""
    split = params.data.split.model_copy(update={"val": 0.0, "test": 0.0, "max_prompt_share": 1.0})
    inputs = load_inputs(layout, params)
    problem = divided(inputs, params.data.model_copy(update={"split": split}), None)
    answers = hidden_of(problem, load_hidden(layout.prepared, inputs)).answers
    return problem, SimulatedOracle(params.oracle, problem.prepared, answers)


def policies(params: Params, beta: float) -> dict[str, Policy]:
    result = {}
    for form, (name, changes) in FORMS.items():
        batch = params.policies[name].batch.model_copy(update={"beta": beta, **changes})
        result[form] = params.policies[name].model_copy(update={"batch": batch})
    return result


def share_counted(problem: Problem, acquired: Pairs, params: Params, slip: bool) -> float:
    """Share of the pairs left with an earlier label in their ball."""
    config = params.policies["bal_pm_published"].batch
    node = np.asarray(problem.graph.node_of_prompt)
    pool = problem.pool
    left = node[pool.prompt[~np.isin(pool.keys(pool.a, pool.b), pool.keys(acquired.a, acquired.b))]]
    vectors = problem.prompts[problem.graph.first_prompt]
    entropy = PoolEntropy(vectors, left, node[acquired.prompt], config.k, config.offset, config.dimension, slip)
    return float((entropy.counts[np.searchsorted(np.unique(left), left)] > 0).mean())


def compare(
    problem: Problem, oracle: SimulatedOracle, params: Params, seed: int, labels: int
) -> dict[str, object]:
    acquired = random_pairs(problem.pool, labels, Pairs.empty(), seed, Stream.INITIAL).pairs
    labelled = Labelled(acquired, oracle.verdicts(acquired.a, acquired.b))
    model = fit_round(problem, params.reward, labelled, None, device="cpu", seed=seed, round_=0)
    most = np.bincount(problem.pool.prompt).argmax()
    rows: dict[str, object] = {
        "seed": seed,
        "labels": labels,
        "share_counted": {
            form: share_counted(problem, acquired, params, form == "slip") for form in ("slip", "none")
        },
    }
    for beta in (0.01, 0.03):
        batches = {
            form: choose_batch(problem, policy, model, acquired, Pairs.empty(), BATCH, seed=seed, round_=1).pairs
            for form, policy in policies(params, beta).items()
        }
        keys = {form: problem.pool.keys(pairs.a, pairs.b) for form, pairs in batches.items()}
        rows[f"beta_{beta}"] = {
            **{
                f"overlap_{x}_{y}": len(np.intersect1d(keys[x], keys[y])) / BATCH
                for x, y in (("slip", "none"), ("slip", "paper"), ("none", "paper"))
            },
            "picks_of_largest_prompt": {form: int((p.prompt == most).sum()) for form, p in batches.items()},
        }
    return rows


def cost(prompts: int) -> dict[str, float]:
    """Processor seconds of one round's start and of a pick, for prompts that never repeat."""
    vectors = clustered(prompts, DIM, np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(prompts)
    acquired, left = order[: prompts // 8], order[prompts // 8 :]
    start = time.process_time()
    entropy = PoolEntropy(vectors, left, acquired, 13, 1e-4, 1.0, slip=True)
    begun = time.process_time()
    for node in left[:STEPS]:
        entropy.acquire(int(node))
    picked = (time.process_time() - begun) / STEPS
    return {"prompts": prompts, "start_cpu_s": begun - start, "pick_cpu_s": picked}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--labels", type=int, nargs="+", default=[160, 960])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--prompts", type=int, nargs="*", default=[5_000, 10_000])
    args = parser.parse_args()
    result: dict[str, object] = {"cost": [cost(prompts) for prompts in args.prompts]}
    if args.folder is not None:
        params = load_params(packaged_params())
        problem, oracle = whole(params, Layout.folder(args.folder))
        result["pool"] = {
            "pairs": len(problem.pool.a),
            "prompts": len(problem.graph),
            "largest_prompt_share": float(np.bincount(problem.pool.prompt).max() / len(problem.pool.a)),
        }
        result["choices"] = [
            compare(problem, oracle, params, seed, labels) for labels in args.labels for seed in range(args.seeds)
        ]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
