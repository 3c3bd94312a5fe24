"""What `whisk.system` offers: utils, alarms, the API gateway. Run by the service itself, recorded like any action."""
