"""Stage neighbours: nearest-neighbour lists of the prompts that can be in a pool."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.embed.features import check_ids, load_features
from prefloop.io.layout import Layout
from prefloop.neighbours.build import build_graph, save_graph
from prefloop.neighbours.restrict import poolable, widened
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Build lists long enough for any run's pool and write them with their measured recall."""
    prepared, features = load_prepared(layout.prepared), load_features(layout.features)
    check_ids(features, prepared)
    wide = widened(params.neighbours, params.data.split)
    graph, facts = build_graph(features.prompts[poolable(prepared)], wide)
    save_graph(layout.neighbours, graph, facts)


if __name__ == "__main__":
    sys.exit(stage_main(run))
