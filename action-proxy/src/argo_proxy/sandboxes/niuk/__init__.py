"""The technology `niuk`: many functions of one namespace as isolates of one process (or microVM)."""
