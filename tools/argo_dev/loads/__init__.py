"""`./dev load NAME`: plans of load stages over a fresh or a given service, with Locust, a table and an HTML report."""
