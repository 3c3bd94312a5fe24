"""What people see of the running service: figures, tiers, builds, NIUks, versions and events of their namespace."""
