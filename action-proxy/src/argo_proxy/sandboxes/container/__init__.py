"""A sandbox as a container of Docker Engine."""
