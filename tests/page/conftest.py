"""A campaign that is served, and clients of it."""

from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2
import pyarrow as pa
import pytest

from prefloop.data.prepare import prepare
from prefloop.desk.people import People, Person, digest_of, new_token
from prefloop.io.arrays import read_table, write_table
from prefloop.io.layout import Layout
from prefloop.labels.lines import read_lines
from prefloop.page.serve import CampaignServer, campaign_server
from tests.worlds import make_params, pair_records


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Prepared tables of a few pairs."""
    folder, params = tmp_path_factory.mktemp("prepared"), make_params()
    prepare(pair_records(prompts=12, pairs=24), params.data.split, folder / "prepared", params.data.leaks)
    return folder / "prepared"


@dataclass
class Served:
    """A running server.

    Attributes:
        server, layout, url: its parts.
        tokens: by name; 'ann' and 'bob' are annotators, 'lea' is an admin.
    """

    server: CampaignServer
    layout: Layout
    url: str
    tokens: dict[str, str]

    def client(self, name: str | None = None, **headers: str) -> httpx2.Client:
        """A client with somebody's token."""
        if name is not None:
            headers["Authorization"] = f"Bearer {self.tokens[name]}"
        return httpx2.Client(base_url=self.url, headers=headers, timeout=20)

    @property
    def cookie(self) -> str:
        """Name of the page's cookie."""
        return self.server.app.state.door.cookie

    def log(self) -> list[dict]:
        """The lines of the label log."""
        if not self.layout.labels.is_file():
            return []
        with open(self.layout.labels, "rb") as handle:
            return read_lines(handle, self.layout.labels)[0].to_pylist()


@pytest.fixture
def serve(tmp_path, prepared):
    """Starts a server of a campaign; parameters as changes."""
    with ExitStack() as stack:

        def start(count=4, wanted=1, origins=(), host="127.0.0.1", **changes) -> Served:
            layout = Layout.folder(tmp_path)
            if not layout.prepared.is_dir():
                shutil.copytree(prepared, layout.prepared)
                write_batch(layout, count, wanted)
            tokens = {name: new_token() for name in ("ann", "bob", "lea")}
            given = [
                Person(name, "admin" if name == "lea" else "annotator", digest_of(token))
                for name, token in tokens.items()
            ]
            people = People(layout.people, given)
            server = stack.enter_context(campaign_server(make_params(**changes), layout, people, host, 0, origins))
            ready = threading.Event()
            thread = threading.Thread(target=server.run, args=(lambda url: ready.set(),))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.stop)
            assert ready.wait(20)
            return Served(server, layout, server.url, tokens)

        yield start


def write_batch(layout, count, wanted):
    """The first pairs of the pool as the batch."""
    pairs = read_table(layout.prepared / "pairs.parquet")
    pairs = pairs.slice(0, count).select(["pair_id", "prompt_id", "completion_a", "completion_b"])
    for name, value in (("round", 0), ("annotators", wanted)):
        pairs = pairs.append_column(name, pa.array([value] * len(pairs), pa.int32()))
    write_table(layout.batch, pairs)
