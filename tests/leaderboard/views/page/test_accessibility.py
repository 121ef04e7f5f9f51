"""The page under axe-core's rules of accessibility, light and dark, wide and on a telephone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.leaderboard.views.page.conftest import Open


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("fragment", ["", "#measure=margin"])
def test_no_rule_is_violated(visit: Open, ridge_page: str, scheme: str, width: int, fragment: str) -> None:
    """Names, roles, contrast, order of headings, whatever axe knows; axe itself is a script that the policy forbids."""
    page = visit(ridge_page + fragment, bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 844})
    if fragment:
        page.wait_for_selector("#plot .point")
    found = Axe().run(page).response["violations"]

    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []
