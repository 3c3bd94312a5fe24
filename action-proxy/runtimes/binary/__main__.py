"""Runs one executable inside a sandbox: POST /init places it, every POST /run starts it."""

from argo_launcher.binary_action import BinaryAction
from argo_launcher.launcher import overlapping_runs, start

start(BinaryAction(), threaded=overlapping_runs())
