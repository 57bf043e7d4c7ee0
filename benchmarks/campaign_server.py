"""The labelling server under fire: verdicts of many clients, while it is killed and connections are cut.

Clients ask for comparisons and answer them over HTTP; some cut the connection between request and answer and send
the same answer again. The server is killed by SIGKILL at random moments and started again. Then the log is read:
every acknowledged verdict must stand in it once, and no pair may have more verdicts than people were wanted. Times
are those of answered requests while the server was up; those that waited for its next start are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import numpy as np
import pyarrow as pa

from benchmarks.label_log import lines
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord
from prefloop.desk.people import new_token
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.messages.message import Turns

ROOT = Path(__file__).resolve().parents[1]
# After a start, imports and caches make the first requests slower.
_WARM_S = 1.0
VERDICTS = ("left", "right", "tie", "both_bad", "skip")


def make_campaign(folder: Path, pairs: int, wanted: int, log_lines: int, overlap: float, seed: int) -> None:
    """Prepared tables, a batch of them all and a log of other campaigns' lines, below `folder`/data."""
    import yaml

    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["data"]["leaks"]["most"] = 0
    params["page"]["lease_minutes"] = 2.0
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    from prefloop.config import load_params

    layout = Layout(folder / "data", folder / ".prefloop")
    data = load_params(folder / "params.yaml").data
    records = [
        PairRecord(Turns(f"question {n}"), Turns(f"answer {n} one"), Turns(f"answer {n} two"), None, "made")
        for n in range(pairs)
    ]
    prepare(records, data.split, layout.prepared, data.leaks)
    table = read_table(layout.prepared / "pairs.parquet", ["pair_id", "prompt_id", "completion_a", "completion_b"])
    people = np.where(np.random.default_rng(seed).random(len(table)) < overlap, wanted, 1)
    table = table.append_column("round", pa.array(np.zeros(len(table)), pa.int32()))
    write_table(layout.batch, table.append_column("annotators", pa.array(people, pa.int32())))
    layout.labels.parent.mkdir(parents=True)
    with open(layout.labels, "wb") as log:
        for part in lines(log_lines):
            log.write(part)


@dataclass
class Server:
    """The server's process, in a process group of its own."""

    folder: Path
    port: int
    people: list[tuple[str, str]]
    starts: list[tuple[float, float]] = field(default_factory=list)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        begun = time.perf_counter()
        options = [word for name, token in self.people for word in ("--annotator", f"{name}:{token}")]
        command = [sys.executable, "-m", "cli.main", "labels", "serve", "--port", str(self.port), *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self._errors = open(self.folder / "server.log", "ab")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if "http" not in line:
            raise SystemExit(f"the server did not start: {(self.folder / 'server.log').read_text()[-2000:]}")
        self.starts.append((begun, time.perf_counter()))

    def end(self, number: int) -> None:
        """End it by a signal."""
        self.process.send_signal(number)
        self.process.wait()
        self._errors.close()


@dataclass
class Client:
    """One annotator: asks, answers, and sends again what was not acknowledged."""

    name: str
    token: str
    port: int
    verdicts: int
    cut: float
    think_s: float
    rng: random.Random
    acknowledged: dict[str, str] = field(default_factory=dict)
    verdict_times: list[tuple[float, float]] = field(default_factory=list)
    next_times: list[tuple[float, float]] = field(default_factory=list)
    codes: Counter = field(default_factory=Counter)
    waits: int = 0

    def run(self) -> None:
        """Give so many verdicts, or end when nothing is left."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60) as client:
            while len(self.acknowledged) < self.verdicts and self.waits < 50:
                with suppress(httpx2.HTTPError):
                    self._one(client)
                    continue
                time.sleep(0.05)

    def _one(self, client: httpx2.Client) -> None:
        begun = time.perf_counter()
        task = client.get("/api/next")
        if task.status_code == 204:
            self.waits += 1
            time.sleep(0.2)
            return
        if task.status_code != 200:
            self.codes[f"next {task.status_code}"] += 1
            time.sleep(0.05)
            return
        self.next_times.append((begun, time.perf_counter()))
        lease = task.json()["lease"]
        body = {"lease": lease, "verdict": self.rng.choice(VERDICTS), "duration_ms": self.rng.randrange(500, 9000)}
        if self.think_s:
            time.sleep(self.rng.expovariate(1 / self.think_s))
        if self.rng.random() < self.cut:
            self._cut_off(body)
        self._answer(client, body)

    def _answer(self, client: httpx2.Client, body: dict) -> None:
        """Send until the server says something of it, as the page does."""
        while True:
            begun = time.perf_counter()
            try:
                reply = client.post("/api/verdicts", json=body)
            except httpx2.HTTPError:
                time.sleep(0.05)
                continue
            self.verdict_times.append((begun, time.perf_counter()))
            self.codes[str(reply.status_code)] += 1
            if reply.status_code in (200, 201):
                self.acknowledged[body["lease"]] = reply.json()["verdict"]
            elif reply.status_code == 503:
                continue
            return

    def _cut_off(self, body: dict) -> None:
        """Send an answer, and cut the connection before anything comes back."""
        content = json.dumps(body).encode()
        head = (
            f"POST /api/verdicts HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(head.encode() + content)
            self.codes["cut off"] += 1


def check(layout: Layout, before: int, clients: list[Client]) -> dict[str, object]:
    """What the log says of the acknowledged verdicts, read line by line without any of the desk's code."""
    wanted = dict(
        zip(*(read_table(layout.batch)[name].to_pylist() for name in ("pair_id", "annotators")), strict=True)
    )
    words: Counter = Counter()
    votes: Counter = Counter()
    said = {}
    with open(layout.labels, "rb") as log:
        for number, line in enumerate(log):
            if number < before:
                continue
            row = json.loads(line)
            words[row["lease"]] += 1
            votes[row["pair_id"], row["annotator"]] += 1
            turned = {"a": "left", "b": "right"} if row["shown_left"] == "a" else {"a": "right", "b": "left"}
            said[row["lease"]] = turned.get(row["verdict"], row["verdict"])
    acknowledged = {lease: verdict for client in clients for lease, verdict in client.acknowledged.items()}
    people = Counter(pair for pair, _ in votes)
    return {
        "acknowledged": len(acknowledged),
        "in_the_log": sum(words.values()),
        "lost": sum(lease not in words for lease in acknowledged),
        "doubled": sum(count - 1 for count in words.values()),
        "altered": sum(said.get(lease) != verdict for lease, verdict in acknowledged.items()),
        "twice_to_one_person": sum(count - 1 for count in votes.values()),
        "beyond_overlap": sum(max(0, count - wanted[pair]) for pair, count in people.items()),
        "pairs_full": sum(people[pair] == count for pair, count in wanted.items()),
        "pairs": len(wanted),
    }


def quantiles(times: list[tuple[float, float]], starts: list[tuple[float, float]]) -> dict[str, float]:
    """Milliseconds of requests while the server was up; how many others waited for it, and how long at most."""
    waited = [any(begin < up + _WARM_S and end > down for down, up in starts[1:]) for begin, end in times]
    values = [end - begin for (begin, end), out in zip(times, waited, strict=True) if not out]
    points = np.percentile(values, [50, 95, 99, 100]) if values else [float("nan")] * 4
    told = {name: round(float(1000 * p), 1) for name, p in zip(("p50", "p95", "p99", "max"), points, strict=True)}
    longest = max([end - begin for (begin, end), out in zip(times, waited, strict=True) if out], default=0.0)
    return told | {"requests": len(values), "waited": sum(waited), "longest_wait_s": round(longest, 1)}


def run(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    total = options.clients * options.verdicts
    per_pair = 1 + options.overlap * (options.wanted - 1)
    make_campaign(
        folder, int(1.1 * total / per_pair) + 64, options.wanted, options.lines, options.overlap, options.seed
    )
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    people = [(f"ann-{n}", new_token()) for n in range(options.clients)]
    server = Server(folder, port, people)
    server.start()
    rngs = [random.Random(f"{options.seed} {n}") for n in range(options.clients + 1)]
    think_s = options.think_ms / 1000
    clients = [
        Client(name, token, port, options.verdicts, options.cut, think_s, rng)
        for (name, token), rng in zip(people, rngs, strict=False)
    ]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    kills = 0
    while any(thread.is_alive() for thread in threads):
        done = sum(len(client.acknowledged) for client in clients)
        # Kills are spread over the verdicts; the moment within is chance.
        if kills < options.kills and done >= total * (kills + rngs[-1].random()) / options.kills:
            time.sleep(rngs[-1].random() * 0.05)
            server.end(signal.SIGKILL)
            kills += 1
            server.start()
        time.sleep(0.01)
    taken = time.perf_counter() - begun
    server.end(signal.SIGTERM)
    layout = Layout(folder / "data", folder / ".prefloop")
    lasted = [end - begin for begin, end in server.starts]
    return {
        "clients": options.clients,
        "verdicts": total,
        "lines_before": options.lines,
        "kills": kills,
        "think_ms": options.think_ms,
        **check(layout, options.lines, clients),
        "verdict_ms": quantiles([pair for client in clients for pair in client.verdict_times], server.starts),
        "next_ms": quantiles([pair for client in clients for pair in client.next_times], server.starts),
        "verdicts_per_second": round(total / taken, 1),
        "first_start_s": round(lasted[0], 2),
        "restart_s": round(float(np.median(lasted[1:])), 2) if kills else None,
        "replies": {
            str(code): n for code, n in sorted(sum((c.codes for c in clients), Counter()).items(), key=str)
        },
        "load": os.getloadavg()[0],
        "cores": len(os.sched_getaffinity(0)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--verdicts", type=int, default=500, help="of each client")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cut", type=float, default=0.05, help="share of answers whose connection is cut")
    parser.add_argument("--wanted", type=int, default=2, help="people a pair")
    parser.add_argument("--overlap", type=float, default=0.3, help="share of pairs that so many are asked about")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines in the log beforehand")
    parser.add_argument("--think-ms", type=float, default=0.0, help="mean time that a client thinks")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        print(json.dumps(run(options, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
