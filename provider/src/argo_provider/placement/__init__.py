"""Where an accepted invocation runs: the port `Placement`, this machine's adapter, and a scriptable fake."""
