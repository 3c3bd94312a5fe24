"""Backups of one machine's data folder: taken while the service serves, put back while it does not."""

from argo_provider.backups.layout import BackupError, Manifest
from argo_provider.backups.restore import restore
from argo_provider.backups.take import Taken, take

__all__ = ["BackupError", "Manifest", "Taken", "restore", "take"]
