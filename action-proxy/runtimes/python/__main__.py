"""Runs one Python action inside a sandbox: POST /init loads it, every POST /run calls it."""

import sys

from argo_launcher.launcher import overlapping_runs, start
from argo_launcher.python_action import PythonAction

sys.path.pop(0)  # the launcher's own folder: an action's imports must not find it
start(PythonAction(threaded=overlapping_runs()), threaded=overlapping_runs())
