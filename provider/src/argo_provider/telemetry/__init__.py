"""What the service says about itself: log lines, numbers for Prometheus, and who may read those."""
