"""Python functions of one namespace as children of a warmed interpreter: they share the memory of what was imported."""
