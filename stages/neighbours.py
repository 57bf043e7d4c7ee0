"""Stage neighbours: nearest-neighbour lists of the pool's prompts."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.embed.features import check_ids, load_features
from prefloop.io.layout import Layout
from prefloop.neighbours.graph import build_graph, save_graph
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Build the lists from the pool's prompt vectors and write them with their measured recall."""
    prepared, features = load_prepared(layout.prepared), load_features(layout.features)
    check_ids(features, prepared)
    graph, facts = build_graph(features.prompts[prepared.prompts_of("pool")], params.neighbours)
    save_graph(layout.neighbours, graph, facts)


if __name__ == "__main__":
    sys.exit(stage_main(run))
