"""`./dev faults`: exit status 0 when nothing that was promised was broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from argo_dev.faults.campaign import Outcome, Plan, run
from argo_dev.faults.clustered import clustered_world
from argo_dev.faults.faults import CLUSTER, ONE_BOX
from argo_dev.faults.single import SingleBox

SHOWN = 20


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev faults", description="Break a running Argo under load, and check.")
    parser.add_argument("--rounds", type=int, default=100, help="faults to strike (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds strike in equal order (default 1)")
    parser.add_argument("--cluster", action="store_true", help="two replicas and two nodes over NATS and PostgreSQL")
    parser.add_argument("--planted", action="store_true", help="break a promise on purpose: the check must find it")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser.parse_args()


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="argo-faults-") as folder:
        outcome = asyncio.run(_campaign(options, Path(folder)))
    print(json.dumps(_as_json(outcome)) if options.json else _as_text(outcome))
    return 1 if outcome.violations else 0


async def _campaign(options: argparse.Namespace, folder: Path) -> Outcome:
    if options.cluster:
        async with clustered_world(planted=options.planted) as clustered:
            return await run(clustered, Plan(options.rounds, options.seed, CLUSTER), _say)
    world = SingleBox(folder, planted=options.planted)
    try:
        return await run(world, Plan(options.rounds, options.seed, ONE_BOX), _say)
    finally:
        await world.unmount()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    kinds = [violation.kind for violation in outcome.violations]
    return {
        "rounds": outcome.rounds,
        "seed": outcome.seed,
        "seconds": round(outcome.seconds, 1),
        "struck": dict(outcome.struck),
        "accepted": len(outcome.history.accepted),
        "answers": len(outcome.history.answers),
        "updates": sum(updates.acknowledged + 1 for updates in outcome.history.updates.values()),
        "statuses": {str(status): number for status, number in sorted(outcome.history.statuses.items())},
        "failures": [[number, *told] for told, number in outcome.history.failures.most_common(SHOWN)],
        "violations": {kind: kinds.count(kind) for kind in ("lost", "doubled", "stray", "update", "tenant")},
        "first": [violation.text for violation in outcome.violations[:SHOWN]],
    }


def _as_text(outcome: Outcome) -> str:
    told = _as_json(outcome)
    lines = [f"{violation.kind}: {violation.text}" for violation in outcome.violations[:SHOWN]]
    counts = ", ".join(f"{number} {kind}" for kind, number in told["violations"].items())
    lines.append(f"{told['rounds']} rounds in {told['seconds']:.0f} s, seed {told['seed']}: {told['struck']}")
    lines.append(f"{told['accepted']} accepted, {told['answers']} answered; answers by status: {told['statuses']}")
    lines += [f"{number} x {status}: {said}" for number, status, said in told["failures"]]
    return "\n".join([*lines, f"checked: {counts}"])


if __name__ == "__main__":
    sys.exit(main())
