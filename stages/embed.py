"""Stage embed: prepared texts to vectors."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.embed.pipeline import embed_prepared
from prefloop.io.layout import Layout
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Embed all prompts and completions; vectors are cached below the state folder."""
    embed_prepared(layout.prepared, layout.features, layout.state / "embeddings", params.embed)


if __name__ == "__main__":
    sys.exit(stage_main(run))
