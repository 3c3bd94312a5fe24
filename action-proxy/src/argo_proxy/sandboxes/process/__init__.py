"""A sandbox as a process of this machine: its own namespaces, user, view of the files, limits and control group."""
