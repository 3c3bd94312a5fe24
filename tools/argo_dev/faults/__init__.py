"""`./dev faults`: breaks a running Argo again and again under load, and holds its history against what was promised."""
