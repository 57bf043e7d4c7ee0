"""The labelling page: verdicts a minute by keyboard with 200 ms a key, and milliseconds from key to next pair.

The real command serves a campaign, Chromium opens its page, and a scripted person presses a key as soon as the
next pair is shown, but no sooner than the time that a key takes. For comparison: a page that is loaded anew for
each pair.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from playwright.sync_api import CDPSession, Page, sync_playwright

from prefloop.config import load_params
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord
from prefloop.desk.people import new_token
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.messages.message import Turns

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PART = """## Step {n}

Take the *first* value, then `f(x) = {n} * x`, and **compare** it with $\\sum_{{i}}^{n} x_i^2$. {words}

```python
def step_{n}(x: float) -> float:
    return {n} * x  # {words}
```

"""
# From a key to the frame in which another prompt stands; the page itself knows nothing of it.
WATCH = """() => {
  window.taken = [];
  let since = 0, tell = () => {};
  window.shown = (count) => new Promise((done) => {
    tell = () => { if (window.taken.length > count) done(); };
    tell();
  });
  document.addEventListener('keydown', (event) => { since = event.timeStamp; }, true);
  new MutationObserver(() => {
    const start = since;
    requestAnimationFrame(() => setTimeout(() => { window.taken.push(performance.now() - start); tell(); }));
  }).observe(document.querySelector('#prompt-text'), {childList: true});
}"""


def write_campaign(folder: Path, pairs: int, seed: int = 0) -> None:
    """Write what the page needs of a campaign: parameters, prepared texts of about 2 kB, a batch."""
    shutil.copy(ROOT / "params.yaml", folder)
    layout, params = Layout.folder(folder / "data"), load_params(folder / "params.yaml")
    split = params.data.split.model_copy(update={"val": 0.0, "test": 0.0})
    rng = np.random.default_rng(seed)
    records = [
        PairRecord(Turns(f"Question {n}: what now?"), Turns(_answer(rng)), Turns(_answer(rng)), None, "made")
        for n in range(pairs)
    ]
    prepare(records, split, layout.prepared, params.data.leaks)
    table = read_table(layout.prepared / "pairs.parquet")
    batch = table.select(["pair_id", "prompt_id", "completion_a", "completion_b"])
    for name, value in (("round", 0), ("annotators", 1)):
        batch = batch.append_column(name, pa.array([value] * len(batch), pa.int32()))
    write_table(layout.batch, batch)


def _answer(rng: np.random.Generator) -> str:
    words = rng.choice(["flour", "milk", "rest", "dough", "warm", "until", "doubled", "and"], size=(8, 12))
    return "".join(PART.format(n=n, words=" ".join(line)) for n, line in enumerate(words))


@contextmanager
def served(folder: Path, token: str) -> Iterator[str]:
    """The address of the campaign, served by the command."""
    command = [sys.executable, "-m", "cli.main", "labels", "serve", "--port", "0", "--annotator", f"ann:{token}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def by_key(page: Page, verdicts: int, key_ms: float) -> dict[str, float]:
    """A person who presses a key whenever the next pair is there."""
    page.evaluate(WATCH)
    start = time.perf_counter()
    for number in range(verdicts):
        pressed = time.perf_counter()
        page.keyboard.press("1" if number % 2 else "2")
        page.evaluate("count => window.shown(count)", number)
        time.sleep(max(0.0, key_ms / 1000 - (time.perf_counter() - pressed)))
    minutes = (time.perf_counter() - start) / 60
    taken = np.array(page.evaluate("window.taken"))
    return {
        "verdicts_per_minute": round(verdicts / minutes, 1),
        "p50_ms": round(float(np.percentile(taken, 50)), 1),
        "p95_ms": round(float(np.percentile(taken, 95)), 1),
        "max_ms": round(float(taken.max()), 1),
    }


def by_loading(page: Page, times: int) -> dict[str, float]:
    """Milliseconds until a pair is shown by a page that is loaded anew."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        page.reload()
        page.wait_for_selector("#comparison:not([hidden])")
        taken.append(1000 * (time.perf_counter() - start))
    return {
        "p50_ms": round(float(np.percentile(taken, 50)), 1),
        "p95_ms": round(float(np.percentile(taken, 95)), 1),
    }


def delay(session: CDPSession, ms: float) -> None:
    """Let each request take so much longer, as over a network."""
    limits = {"offline": False, "latency": ms, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)


def main() -> None:
    parser = argparse.ArgumentParser(prog="labelling_page", description=__doc__)
    parser.add_argument("--verdicts", type=int, default=300, help="verdicts of each scripted person")
    parser.add_argument("--key-ms", type=float, default=200.0, help="time that a key takes, ms")
    parser.add_argument(
        "--latency-ms", type=float, default=30.0, help="of the second person's network, ms a request"
    )
    parser.add_argument("--loads", type=int, default=20, help="pages loaded anew for comparison")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print(json.dumps({"skipped": "no chromium on this machine"}))
        return
    token, results = new_token(), {}
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_campaign(folder, 2 * options.verdicts + 10)
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        with served(folder, token) as url:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{url}/login#token={token}")
            page.wait_for_selector("#comparison:not([hidden])")
            results["at_hand"] = by_key(page, options.verdicts, options.key_ms)
            results["loaded_anew"] = by_loading(page, options.loads)
            delay(page.context.new_cdp_session(page), options.latency_ms)
            results["over_a_network"] = by_key(page, options.verdicts, options.key_ms)
        browser.close()
        logged = (folder / "data" / "labels" / "labels.jsonl").read_bytes().count(b"\n")
    settings = {
        "verdicts": 2 * options.verdicts,
        "logged": logged,
        "key_ms": options.key_ms,
        "load": os.getloadavg()[0],
    }
    print(json.dumps(settings | results, indent=1))


if __name__ == "__main__":
    main()
