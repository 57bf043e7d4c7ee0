"""The label log: seconds to read and aggregate it, row by row for comparison, and to append one label."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from prefloop.config import load_params, packaged_params
from prefloop.io.hashing import pair_ids
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
from prefloop.labels.table import read_label_table, take_snapshot

_PART = 100_000


def lines(count: int, seed: int = 0) -> Iterator[bytes]:
    """A generated log in parts: three annotators' verdicts on a third as many pairs, with all a page records."""
    rng = np.random.default_rng(seed)
    pairs = max(1, count // 3)
    for start in range(0, count, _PART):
        numbers = np.arange(start, min(start + _PART, count))
        lower = [f"{2 * n:032x}" for n in (numbers % pairs).tolist()]
        higher = [f"{2 * n + 1:032x}" for n in (numbers % pairs).tolist()]
        words = np.array(["a", "b", "tie", "both_bad", "skip"])[rng.integers(0, 5, len(numbers))]
        times = rng.integers(500, 60_000, len(numbers))
        rows = zip(numbers.tolist(), lower, higher, pair_ids(lower, higher), words, times, strict=True)
        yield "".join(_line(*row) for row in rows).encode()


def _line(number: int, a: str, b: str, pair: str, word: str, ms: int) -> str:
    return json.dumps(
        {
            "annotator": f"ann-{number % 7}", "completion_a": a, "completion_b": b, "duration_ms": int(ms),
            "pair_id": pair, "prompt_id": f"{int(a, 16) % 9973:032x}", "round": number // 20_000,
            "shown_left": "a", "source": "human", "timestamp": "2026-01-01T00:00:00+00:00", "verdict": word,
        }
    ) + "\n"  # fmt: skip


def row_by_row(path: Path, count: int) -> float:
    """Seconds to read and validate the first lines one by one."""
    start = time.perf_counter()
    with open(path, "rb") as log:
        for _, line in zip(range(count), log, strict=False):
            Label.model_validate(json.loads(line))
    return time.perf_counter() - start


def seconds_to_append(log: LabelLog, label: Label, times: int) -> float:
    """Median seconds of appending one label, synced."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        log.append([label])
        taken.append(time.perf_counter() - start)
    return median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(prog="label_log", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the log that is read")
    parser.add_argument("--reference", type=int, default=50_000, help="of them, lines that are read row by row")
    parser.add_argument("--standing", type=int, default=100_000, help="lines of the log that is appended to")
    parser.add_argument("--appends", type=int, default=100, help="labels that are appended to it")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path, table = Path(folder, "labels.jsonl"), Path(folder, "labels.parquet")
        with open(path, "wb") as log:
            log.writelines(lines(options.lines))
        start, processor = time.perf_counter(), time.process_time()
        labels = take_snapshot(path, Path(folder, "copy.jsonl"), table, load_params(packaged_params()).labels)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        start = time.perf_counter()
        read_label_table(table)
        table_seconds = time.perf_counter() - start
        reference = row_by_row(path, options.reference) / options.reference * options.lines
        with open(path, "wb") as log:
            log.writelines(lines(options.standing))
        with open(path, "rb") as log:
            label = Label.model_validate(json.loads(log.readline()))
        append = seconds_to_append(LabelLog(path), label, options.appends)
    results = {
        "lines": labels.lines,
        "pairs": len(labels.pairs),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "row_by_row_seconds": round(reference, 2),
        "speed_up": round(reference / seconds, 1),
        "read_table_seconds": round(table_seconds, 3),
        "standing_lines": options.standing,
        "append_milliseconds": round(1000 * append, 2),
    }
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
