"""The plotting library of DVC's page, taken from a package so that the page needs no network."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from prefloop.io.atomic import write_text

FILE = "plotting.js"
# The last Vega-Lite of the schema that DVC's templates are written in.
_VEGA_LITE = "5.21"
_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def write_plotting_library(report: Path, state: Path) -> Path:
    """Write Vega, Vega-Lite and Vega-Embed as one script, which defines `vegaEmbed`.

    Args:
        report: the report's folder, where DVC's page looks for it (.dvc/page.html).
        state: folder of caches: to bundle takes seconds, so each version is bundled once.

    Returns:
        The script's path.
    """
    kept = state / "plotting" / f"vega-lite-{_VEGA_LITE}-{version('vl-convert-python')}.js"
    if not kept.is_file():
        import vl_convert  # costs seconds: only where the script is made

        # In a function of its own: the page's other scripts share the names at the top of a script.
        write_text(kept, f"(function(){{{vl_convert.javascript_bundle(_SNIPPET, _VEGA_LITE)}\n}})();\n")
    script = report / FILE
    write_text(script, kept.read_text("utf-8"))
    return script
