import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("no time limits", deadline=None)  # a busy machine is no failure
settings.load_profile("no time limits")
