"""The crawl in the engines that the other tests do not use: menu, elements and console of every page.

Each at the width that its readers have: Firefox on a desk, WebKit on a phone. `make crawl ENGINE=all` does all widths.
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
@pytest.mark.parametrize(("name", "width"), [("firefox", 1280), ("webkit", 390)])
def test_every_page_works_in_another_engine(name, width):
    if how_to := engines.missing(name):
        leave_out = pytest.fail if name in os.environ.get("GAN_ENGINES", "").split() else pytest.skip
        leave_out(f"left out, no {name} here: {how_to}")
    rows = crawl.crawl(name, SITE, widths=[width])
    assert rows
    assert {row.page: row.wrong for row in rows if row.wrong} == {}
