"""docs/reference/own-api.md names all that it is about."""

from pathlib import Path

import pytest

from argo_provider.entities.history import MOST_VERSIONS
from argo_provider.insight.feed import KINDS, FeedLimits
from argo_provider.insight.functions import BADGES
from argo_provider.insight.port import WISHES
from argo_provider.optimizer import wishes

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "own-api.md").read_text()
ANNOTATIONS = (wishes.TIER, wishes.SANDBOX, wishes.IDEMPOTENT, wishes.WARM)


@pytest.mark.parametrize("word", [*KINDS, *BADGES, *WISHES, *ANNOTATIONS, *wishes.TIERS, *wishes.SANDBOXES])
def test_it_is_named(word):
    assert f"`{word}`" in PAGE


def test_the_numbers_are_those_of_the_code():
    limits = FeedLimits()
    assert f"the last {limits.ring:,} events" in PAGE
    assert f"may have {limits.streams_of_one} streams open" in PAGE
    assert f"the last {MOST_VERSIONS} versions" in PAGE
    assert f"0 (default) to {wishes.MOST_WARM}" in PAGE
    assert limits.linger == 5 * 60
