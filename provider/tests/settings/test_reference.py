"""The page of settings is complete and fresh."""

from pathlib import Path

from argo_provider.settings import Settings
from argo_provider.settings.reference import render
from argo_provider.settings.tree import leaves

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_every_setting_says_what_it_means():
    assert [leaf.key for leaf in leaves(Settings()) if not leaf.doc] == []


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text() == render(), "write it anew: ./dev argofn settings --reference > docs/reference/settings.md"


def test_the_page_names_every_setting_and_its_variable():
    page = render()
    missing = [leaf.key for leaf in leaves(Settings()) if f"| `{leaf.key}` |" not in page or leaf.variable not in page]
    assert missing == []
