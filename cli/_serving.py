"""Options of the commands that serve the labelling page."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every one.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 is any free one.")]
Annotators = Annotated[
    list[str] | None,
    typer.Option("--annotator", help="NAME:TOKEN of one more annotator, for this run alone; repeatable."),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Address of a reverse proxy before it: https://labels.example.org."),
]
HOST, PORT = "127.0.0.1", 8400
