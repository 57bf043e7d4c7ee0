"""Whether thinned picks what random picks, draw for draw, over whole runs on a file of one's own.

python -m benchmarks.thinned_random --data FILE [--where FIELD=VALUE] [--ood-where FIELD=VALUE] [--seeds 8]

Splits, initial labels, random numbers and policies are those of `prefloop bench`; no model is trained, as neither
policy looks at one. Each seed is run on its pool as it is, and on the pairs of prompts that occur there once.
Where no prompt recurs, nothing is ever refused, and all picks must be equal. Where prompts recur, the two part as
soon as a second label of one of them is refused, and how far they agree until then and after is told.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.thinning import make_view
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.config import Params, load_params, packaged_params
from prefloop.config.data import FileEntry
from prefloop.data.pairs import Pairs, Pool
from prefloop.data.prepare import prepare
from prefloop.data.prepared import Prepared, load_prepared
from prefloop.data.sources import load_records
from prefloop.pool.problem import division_of
from prefloop.pool.steps import blind_candidates, random_pairs
from prefloop.rng import Stream, generator


def parameters(path: Path, where: str | None, ood_where: str | None) -> Params:
    """The packaged parameters with this file as the data; near-duplicates are not looked for."""
    params = load_params(packaged_params())
    entries = [FileEntry(path=path.resolve(), where=where)]
    if ood_where is not None:
        entries.append(FileEntry(path=path.resolve(), split="ood", where=ood_where))
    leaks = params.data.leaks.model_copy(update={"most": 0})
    data = params.data.model_copy(update={"source": "files", "files": tuple(entries), "leaks": leaks})
    return params.model_copy(update={"data": data})


def stored_of(params: Params) -> Prepared:
    """The prepared tables of the configured file."""
    with tempfile.TemporaryDirectory() as folder:
        data = params.data
        prepare(load_records(data), data.split, Path(folder) / "prepared", data.leaks)
        return load_prepared(Path(folder) / "prepared")


def only_single(pool: Pool) -> Pool:
    """The pool with the listed pairs of those prompts that have one."""
    single = pool.listed[pool.prompt] == 1
    return replace(pool, a=pool.a[single], b=pool.b[single], prompt=pool.prompt[single])


def picks(pool: Pool, params: Params, name: str, seed: int, sizes: tuple[int, int, int]) -> np.ndarray:
    """Keys of the pairs that a policy chooses after the initial labels, in order, int64 [(rounds - 1) * batch]."""
    (initial, batch, rounds), policy = sizes, params.policies[name]
    taken = random_pairs(pool, initial, Pairs.empty(), seed, Stream.INITIAL).pairs
    blank = make_view(np.zeros(1, np.int64), len(pool.sizes))
    for number in range(1, rounds):
        offer = blind_candidates(pool, policy.pairs, taken, seed)
        view = replace(blank, prompt=offer.prompt, acquired_prompt=taken.prompt, round=number, seed=seed)
        rng = generator(seed, number, Stream.SELECT)
        chosen = BATCH_POLICIES[policy.batch.policy].choose(view, batch, rng, policy.batch).picks
        taken = Pairs.join(taken, offer.take(chosen))
    return pool.keys(taken.a, taken.b)[initial:]


def compare(pools: Iterable[Pool], params: Params, sizes: tuple[int, int, int]) -> dict[str, object]:
    """Both policies on one pool per seed (0, 1, ...): sizes, recurring prompts, and how far the picks agree."""
    rows, recurring = [], []
    for seed, pool in enumerate(pools):
        random, thinned = (picks(pool, params, name, seed, sizes) for name in ("random", "thinned"))
        equal = random == thinned
        recurring.append(int((pool.listed > 1).sum()))
        rows.append(
            {
                "seed": seed,
                "pairs": len(pool.a),
                "prompts": int((pool.listed > 0).sum()),
                "recurring_prompts": recurring[-1],
                "pairs_of_recurring_prompts": int(pool.listed[pool.listed > 1].sum()),
                "picks": len(equal),
                "equal_before_the_first_difference": len(equal) if equal.all() else int(equal.argmin()),
                "picks_of_both": len(np.intersect1d(random, thinned)),
                "identical": bool(equal.all()),
            }
        )
    return {
        "identical": all(row["identical"] for row in rows),
        "no_prompt_recurs": not any(recurring),
        "seeds": len(rows),
        "runs": rows,
    }


def measure(params: Params, seeds: int, sizes: tuple[int, int, int]) -> dict[str, object]:
    """Both policies on every seed's pool, as it is and with prompts that occur once."""
    stored = stored_of(params)
    pools = [Pool.of(division_of(stored, params.data, seed).prepared) for seed in range(seeds)]
    return {
        "pairs": len(stored.pair_a),
        "prompts": len(stored.prompt_ids),
        **dict(zip(("initial", "batch", "rounds"), sizes, strict=True)),
        "as_it_is": compare(pools, params, sizes),
        "prompts_that_occur_once": compare(map(only_single, pools), params, sizes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--where", default=None)
    parser.add_argument("--ood-where", default=None)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--initial", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    sizes = (args.initial, args.batch, args.rounds)
    print(json.dumps(measure(parameters(args.data, args.where, args.ood_where), args.seeds, sizes), indent=1))


if __name__ == "__main__":
    main()
