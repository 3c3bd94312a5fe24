"""The settings: one frozen tree, filled from defaults < a TOML file < the environment < flags."""

from argo_provider.settings.load import Loaded, SettingsError, load
from argo_provider.settings.tree import (
    LogFormat,
    LogLevel,
    LogSettings,
    RetentionSettings,
    RuntimeSettings,
    SandboxChoice,
    Secret,
    ServerSettings,
    Settings,
    ThrottleSettings,
)

__all__ = [
    "Loaded",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "RetentionSettings",
    "RuntimeSettings",
    "SandboxChoice",
    "Secret",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "ThrottleSettings",
    "load",
]
