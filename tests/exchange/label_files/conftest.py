"""One campaign for all tests of label files; a test that writes copies it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefloop.io.layout import Layout
from tests.exchange.label_files.helpers import copied, make_campaign


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A campaign whose first batch waits."""
    return make_campaign(tmp_path_factory.mktemp("campaign"))


@pytest.fixture
def layout(campaign: Layout, tmp_path: Path) -> Layout:
    """A copy of it."""
    return copied(campaign, tmp_path)
