"""What the owner of a function reads: why it is where it is, and what would change that."""

from __future__ import annotations

from datetime import UTC, datetime

from argo_provider.optimizer.economy import Bill
from argo_provider.optimizer.heat import FAMILIES, INSTANT, what_makes_hot, why_hot
from argo_provider.optimizer.model import State, Tier
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings

CODE_CHANGED = "Its code changed."
COOLED = "It is not hot any more."


def loses(bill: Bill) -> str:
    """Of one whose native form does not pay (any more)."""
    return f"Its native form costs more than it saves: {_reckoned(bill)}."


def _reckoned(bill: Bill) -> str:
    """What it comes to, for people."""
    within = f"{bill.seconds / 3600:.3g} hours" if bill.seconds >= 5400 else f"{bill.seconds / 60:.3g} minutes"
    saves = f"saves what {bill.saves / 1000:.2g} s of waiting are worth" if bill.saves > 0 else "saves nothing"
    wanted = (bill.costs + bill.slack) / 1000
    return f"at its rate it {saves} in {within}, and {wanted:.2g} s are wanted"


def unmet(needs: tuple[str, ...]) -> str:
    shown = ", ".join(needs[:5]) + (f" and {len(needs) - 5} more" if len(needs) > 5 else "")
    return f"It needs what the native engine does not have: {shown}."


def why_it_stays(record: Record, settings: OptimizerSettings) -> str:
    """Of a function that may not move at all."""
    if not settings.enabled:
        return "The optimiser is off."
    if record.family not in FAMILIES:
        return f"There is no native form for {record.family}."
    if record.wishes.tier is Tier.ORDINARY:
        return "Its annotation argo.tier says ordinary, or it runs without a network, or with a part of it."
    return f"Its annotation argo.sandbox says {record.wishes.sandbox}."


def what_next(
    record: Record, settings: OptimizerSettings, bill: Bill, *, may_move: bool, queued: int | None, now: float
) -> str:
    """What would change where it is."""
    if record.state is State.ORDINARY:
        return _of_ordinary(record, settings, bill, may_move=may_move, now=now)
    if record.state is State.BUILDING:
        return _of_building(queued)
    return {
        State.PINNED: _of_pinned,
        State.OBSERVED: _of_observed,
        State.CANARY: _of_canary,
        State.NATIVE: _of_native,
    }[record.state](record, settings)


def _of_observed(record: Record, settings: OptimizerSettings) -> str:
    if record.family in INSTANT:
        return "When the checker has read its code, it is tried natively."
    return (
        f"After {settings.observe_invocations} recorded invocations, or {settings.observe_seconds:g} seconds,"
        " its native form is built; if it is called much less until then, it goes back."
    )


def _of_canary(record: Record, _: OptimizerSettings) -> str:
    return (
        f"Now {record.trial_share:.0%} of its invocations run natively; when enough of them have been compared and"
        " are right, all will. One that fails sends it back."
    )


def _of_native(_: Record, __: OptimizerSettings) -> str:
    return (
        "A failure of its native form, new code, or the annotation argo.tier: ordinary would send it back."
        " Idle, it is scaled to zero, and starts again in milliseconds."
    )


def _of_pinned(record: Record, _: OptimizerSettings) -> str:
    if record.owner_pinned:
        return "Only its owner: `argofn unpin` lets it move again."
    return "New code, or `argofn unpin` once the cause is gone."


def _of_ordinary(record: Record, settings: OptimizerSettings, bill: Bill, *, may_move: bool, now: float) -> str:
    if not may_move:
        if not settings.enabled:
            return "The setting optimizer.enabled would let it move."
        if record.family not in FAMILIES:
            return "Nothing: only Java, JavaScript and Python functions can move."
        return "Without that annotation it could move."
    hot = what_makes_hot(settings, record.family)
    if now < record.cool_until:
        when = _clock(record.cool_until)
        return f"It is tried again after {when}, if it is hot then ({hot}); `argofn optimise` tries at once."
    if settings.repay_times and why_hot(record.signals, settings, record.family, now) and not bill.pays:
        asks = "`argofn optimise` moves it at once"
        return f"It is hot, and moves when its native form pays: {_reckoned(bill)} (optimizer.repay_*); {asks}."
    return f"It moves when it gets hot: {hot}, if its native form pays then; `argofn optimise` moves it at once."


def out_of_builds(settings: OptimizerSettings, not_before: float) -> str:
    """For one that waits for a build of which its namespace has had as many as it may."""
    return (
        f"Its namespace has begun {settings.builds_per_hour} builds within an hour, as many as it may"
        f" (optimizer.builds_per_hour): the next begins after {_clock(not_before)}."
    )


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _of_building(queued: int | None) -> str:
    if queued is None:
        return "When the build ends, a share of its invocations runs natively on trial."
    if queued == 0:
        return "Its build is the next one."
    return f"{queued} other builds go before its own; it moves up when it is called more."
