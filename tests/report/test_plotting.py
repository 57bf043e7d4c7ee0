import re

from prefloop.report.plotting import FILE, write_plotting_library
from tests.worlds import ROOT

PAGE = (ROOT / ".dvc" / "page.html").read_text()


def test_the_library_is_bundled_once_and_written_whole(tmp_path):
    (tmp_path / "report").mkdir()
    script = write_plotting_library(tmp_path / "report", tmp_path / "state").read_text()
    assert "window.vegaEmbed" in script
    assert "</script" not in script.lower()
    (kept,) = (tmp_path / "state" / "plotting").iterdir()
    kept.write_text("kept")
    assert write_plotting_library(tmp_path / "report", tmp_path / "state").read_text() == "kept"


def test_the_page_of_dvc_looks_where_the_library_is_written():
    assert f'src="../data/report/{FILE}"' in PAGE


def test_the_page_has_the_places_that_dvc_fills():
    from dvc_render.html import HTML

    page = (
        HTML(PAGE).with_scripts("<script src='network.js'></script>").with_element("<div id='plot'></div>").embed()
    )
    assert not re.findall(r"\{(scripts|plot_divs|refresh_tag)\}", page)
    # The network is asked only where the library is missing: until then its addresses stand in a template.
    assert re.search(r'<template id="from-the-network">\s*<script src=\'network.js\'></script>', page)
    assert "<div id='plot'></div>" in page


def test_dvc_is_told_of_the_page():
    config = (ROOT / ".dvc" / "config").read_text()
    assert re.search(r"\[plots\]\s+html_template = page\.html", config)
