"""The edge: HTTP in, one use case called, JSON out. One file per resource."""
