"""The launcher of the kinds `python:*`, and the base of `binary`."""
