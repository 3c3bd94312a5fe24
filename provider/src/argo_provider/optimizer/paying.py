"""Whether one function's native form pays, as the policy asks it: seldom enough to be asked at every invocation."""

from __future__ import annotations

from argo_provider.optimizer.budget import Budget
from argo_provider.optimizer.economy import Bill, bill
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings

# Figures change slowly, and invocations may come by the thousand: judged anew after so many more of them, or so long.
_JUDGE_GROWTH = 1.05
_JUDGE_SECONDS = 600.0


class Paying:
    """`budget` tells who shares a NIUk, and what things cost on this machine."""

    __slots__ = ("_budget", "_judged_at", "_judged_seen", "_record", "_settings", "_shares", "_technology")

    def __init__(self, record: Record, settings: OptimizerSettings, budget: Budget) -> None:
        self._record = record
        self._settings = settings
        self._budget = budget
        self._judged_at = float("-inf")
        self._judged_seen = 0.0
        self._technology = ""
        self._shares = False

    def share(self, *, shares: bool) -> None:
        """It repays a part of its namespace's NIUk from now on (or would), or does not."""
        sharing = self._budget.sharing
        if self._shares:
            sharing[self._technology] -= 1
        self._technology, self._shares = NATIVE_TECHNOLOGY.get(self._record.family, ""), shares
        sharing[self._technology] += shares

    def bill(self, at: float) -> Bill:
        others = self._budget.sharing[NATIVE_TECHNOLOGY.get(self._record.family, "")] - self._shares
        return bill(self._record, self._settings, self._budget.machine.sizes, at, sharers=max(0, others))

    def may_judge(self, at: float) -> bool:
        """Whether there is something to judge by that was not known the last time."""
        if not self._settings.repay_times:
            return True
        if self._record.pauses.total < self._settings.keep_alive_gaps:
            return False  # of a rhythm that is not known nothing can be foretold
        return self._record.signals.seen >= self._judged_seen or not 0 <= at - self._judged_at < _JUDGE_SECONDS

    def begins(self, at: float) -> bool:
        """Whether to make a native form now; where `may_judge`."""
        if not self._settings.repay_times:
            return True
        self._judged_at, self._judged_seen = at, self._record.signals.seen * _JUDGE_GROWTH
        now = self.bill(at)
        self.share(shares=now.would_share)
        return now.pays and self._budget.machine.may_try(self._record.family, self._record.function, at)

    def goes_on(self, at: float) -> bool:
        """One on its way: what made it worth while may fall a good deal before it is given up."""
        return not self._settings.repay_times or self.bill(at).still_pays(self._settings.cool_share)

    def stays(self, at: float) -> bool:
        """One that is there: making it is paid."""
        return not self._settings.repay_times or self.bill(at).still_pays(0.0)
