"""Time and memory of `prepare` on many synthetic pairs: `python benchmarks/prepare_scale.py --pairs 1000000`.

With `--form conversations` each row is two conversations that hold the prompt, of the same words.

The rows are written to a temporary JSONL.gz, with ids, prompts that repeat and answers of a few hundred
characters, and prepared in a process of their own. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson

_WORDS = 20_000
_BLOCK = 10_000


def write_pairs(path: Path, pairs: int, form: str = "texts", seed: int = 0) -> None:
    """Write synthetic comparisons: half as many prompts as pairs, drawn by a heavy-tailed law."""
    rng = np.random.default_rng(seed)
    words = np.array(
        ["".join(chr(97 + c) for c in rng.integers(0, 26, rng.integers(2, 10))) for _ in range(_WORDS)]
    )
    ranks = np.minimum(rng.zipf(1.6, pairs), pairs // 2)
    prompts = np.where(rng.random(pairs) < 0.3, ranks, rng.integers(0, max(pairs // 2, 1), pairs))
    labels = ("a", "b", "tie")
    with gzip.open(path, "wb", compresslevel=1) as file:
        for start in range(0, pairs, _BLOCK):
            size = min(_BLOCK, pairs - start)
            texts = words[rng.integers(0, _WORDS, (size, 2, 55))]
            verdicts = rng.choice(3, size, p=[0.48, 0.48, 0.04])
            for k in range(size):
                number = int(prompts[start + k])
                prompt = f"Question {number}: "
                prompt += " ".join(words[(number * 31 + np.arange(50) * 17) % _WORDS])
                a, b = (" ".join(side) for side in texts[k])
                label = labels[verdicts[k]]
                row = {"prompt": prompt, "completion_a": a, "completion_b": b, "label": label}
                row["id"] = f"row-{start + k:07d}"
                if form == "conversations":
                    row |= _as_messages(prompt, a, b)
                file.write(orjson.dumps(row) + b"\n")


def _as_messages(prompt: str, a: str, b: str) -> dict[str, list[dict[str, str]]]:
    """The same texts as messages: a system prompt, an earlier turn, and an answer each."""
    middle = len(prompt) // 2
    opening = [("system", "Be brief."), ("user", prompt[:middle])]
    asked = [*opening, ("assistant", "Go on."), ("user", prompt[middle:])]
    talks = {"prompt": asked, "completion_a": [("assistant", a)], "completion_b": [("assistant", b)]}
    return {name: [{"role": role, "content": said} for role, said in talk] for name, talk in talks.items()}


def prepare_file(path: Path, out: Path) -> None:
    """Prepare one file and print seconds, processor seconds and peak memory: what the measured process does."""
    from prefloop.config.data import FileEntry, Leaks, Split
    from prefloop.data.prepare import prepare
    from prefloop.data.readers import Meaning, read_records

    split = Split(val=0.0, test=0.25, salt="prefloop", max_prompt_share=0.05, per_seed=True)
    leaks = Leaks(similarity=0.8, most=0)
    start = time.perf_counter()
    report = prepare(read_records([FileEntry(path=path)], path.parent, Meaning()), split, out, leaks)
    seconds, cpu = time.perf_counter() - start, time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = {"seconds": round(seconds, 2), "cpu_s": round(cpu, 2), "peak_gib": round(peak, 3)}
    print(json.dumps({**figures, "splits": report["splits"]}))


def measure(pairs: int, form: str, folder: Path) -> dict:
    path = folder / "pairs.jsonl.gz"
    write_pairs(path, pairs, form)
    command = [sys.executable, __file__, "--file", str(path), "--out", str(folder / "prepared")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    result = json.loads(done.stdout)
    size = {"input_mib": path.stat().st_size >> 20, "rows_per_s": round(pairs / result["seconds"])}
    return {"benchmark": "prepare_scale", "form": form, "pairs": pairs, **size, **result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--form", choices=("texts", "conversations"), default="texts")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.file:
        prepare_file(arguments.file, arguments.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(arguments.pairs, arguments.form, Path(folder))))


if __name__ == "__main__":
    main()
