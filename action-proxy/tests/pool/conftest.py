"""The scripted driver of this folder's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scripted import ScriptedDriver


@pytest.fixture
async def driver() -> ScriptedDriver:
    return ScriptedDriver()
