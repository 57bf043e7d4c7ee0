"""All benchmarks at a small size, as one JSON object: `python -m benchmarks`.

Each is also a program of its own with options for the full size: `python -m benchmarks.NAME --help`.
"""

from __future__ import annotations

import json
import subprocess
import sys

SMALL = {
    "ensemble": ["--labels", "480", "--repeats", "3"],
    "entropy_selection": ["--pairs", "10000", "30000"],
    "thinning": ["--pairs", "30000"],
    "published_slip": ["--prompts", "2000", "4000"],
    "embedding": ["--texts", "300"],
    "prepare_scale": ["--pairs", "50000"],
    "pair_rules": ["--prompts", "1000", "4000"],
    "label_log": ["--lines", "50000", "--reference", "5000", "--standing", "20000", "--appends", "20"],
    "campaign_server": ["--clients", "4", "--verdicts", "25", "--kills", "2", "--lines", "20000"],
    "null_reports": ["--reports", "5", "--seeds", "3"],
    "labelling_page": ["--verdicts", "20", "--loads", "5"],
    "dpo_round": ["--labels", "8", "--evaluated", "128", "--threads", "1"],
}


def main() -> None:
    results = {}
    for name, options in SMALL.items():
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *options], stdout=subprocess.PIPE, check=True
        )
        results[name] = json.loads(done.stdout)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
