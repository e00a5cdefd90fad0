"""The crawl in the engines that the other tests do not use: menu, elements and console of every page.

Left out where a browser is missing. In `GAN_ENGINES` stand those that must be there: `GAN_ENGINES="firefox webkit"`.
"""

from __future__ import annotations

import os

import pytest
from built import SITE

from tools import crawl, engines

pytestmark = pytest.mark.site


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning")  # selenium's own
@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_every_page_works_in_another_engine(name):
    if how_to := engines.missing(name):
        leave_out = pytest.fail if name in os.environ.get("GAN_ENGINES", "").split() else pytest.skip
        leave_out(f"left out, no {name} here: {how_to}")
    rows = crawl.crawl(name, SITE, widths=[1280, 390])
    assert rows
    assert {row.page: row.wrong for row in rows if row.wrong} == {}
