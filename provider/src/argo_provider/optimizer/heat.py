"""Whether a function is worth a native form, and why, in a sentence for its owner. Pure."""

from __future__ import annotations

from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.signals import Signals

COMPILED = frozenset({"java"})  # families whose native form takes a build of minutes
INSTANT = frozenset({"nodejs", "python"})  # an engine, or a zygote, that all functions share
ENGINES = frozenset({"nodejs"})  # of those, what must be built once on a machine, with the first function
FAMILIES = COMPILED | INSTANT


def why_hot(signals: Signals, settings: OptimizerSettings, family: str, now: float, *, share: float = 1.0) -> str:
    """Why it is hot, or "". `share` of every threshold: below 1 for a function that has been hot (hysteresis)."""
    if family in INSTANT:
        return _instant(signals.per_hour(now), settings, share)
    costly = max(1.0, (signals.build_seconds or 0.0) / settings.build_usual_seconds)
    return _by_rate(signals, settings, now, share * costly) or _by_shape(signals, settings, now, share)


def _by_rate(signals: Signals, settings: OptimizerSettings, now: float, share: float) -> str:
    minutely = signals.per_minute(now)
    if minutely >= settings.hot_per_minute * share:
        return f"It is called {minutely:.0f} times a minute (hot from {settings.hot_per_minute:g})."
    hourly = signals.per_hour(now)
    if hourly >= settings.hot_per_hour * share:
        return f"It is called {hourly:.0f} times an hour (hot from {settings.hot_per_hour:g})."
    return ""


def _by_shape(signals: Signals, settings: OptimizerSettings, now: float, share: float) -> str:
    """Overlap and cold starts, once there is enough to judge them by."""
    if signals.long.within(now) < settings.hot_least * share:
        return ""
    if signals.overlap >= settings.hot_overlap * share:
        return (
            f"When it is called, {signals.overlap:.1f} others of its own are running (hot from"
            f" {settings.hot_overlap:g})."
        )
    if signals.cold_share >= settings.hot_cold_share * share:
        return f"{signals.cold_share:.0%} of its starts are cold (hot from {settings.hot_cold_share:.0%})."
    return ""


def _instant(hourly: float, settings: OptimizerSettings, share: float) -> str:
    if hourly < settings.instant_per_hour * share:
        return ""
    return (
        f"It is called {hourly:.0f} times an hour (enough from {settings.instant_per_hour:g}, since it needs no build)."
    )


def what_makes_hot(settings: OptimizerSettings, family: str) -> str:
    """The thresholds, for "what would change it"."""
    if family in INSTANT:
        return f"{settings.instant_per_hour:g} invocations an hour"
    return (
        f"{settings.hot_per_minute:g} invocations a minute, {settings.hot_per_hour:g} an hour,"
        f" {settings.hot_overlap:g} in flight beside it, or {settings.hot_cold_share:.0%} cold starts"
    )


def worth(signals: Signals, now: float) -> float:
    """What a build of it is worth, to order the queue: invocations a minute, more where they overlap or are cold."""
    rate = max(signals.per_minute(now), signals.per_hour(now) / 60.0)
    return rate * (1.0 + signals.overlap + 10.0 * signals.cold_share)
