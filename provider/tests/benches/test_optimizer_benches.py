"""The benches of the optimiser: settings they ask for exist, and figures are judged as they say."""

from __future__ import annotations

import importlib.util
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from argo_provider.settings.load import load

pytestmark = pytest.mark.unit
BENCHES = Path(__file__).resolve().parents[2] / "benches"


@pytest.fixture(scope="module")
def benches() -> dict[str, ModuleType]:
    """By file, under names that nothing else has (`trace` is a module of Python's own)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARGO_CACHE", "/nowhere")
        return {name: _loaded(name) for name in ("trace", "lifecycle")}


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCHES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("speed", [1.0, 10.0, 100.0])
def test_the_settings_of_every_rival_exist_and_scale(benches: dict[str, ModuleType], speed: float) -> None:
    found = {}
    for rival in benches["trace"].rivals(speed):
        words = list(rival.flags)
        assignments = [value for flag, value in pairwise(words) if flag == "--set"]
        found[rival.name] = load(environ={}, assignments=assignments).settings
    assert {name: each.optimizer.enabled for name, each in found.items()} == {
        "optimiser": True,
        "off": False,
        "fixed_keep_alive": False,
    }
    assert {each.pool.keep_alive_seconds for each in found.values()} == {600 / speed}
    assert found["optimiser"].optimizer.keep_alive_most_seconds == pytest.approx(3600 / speed)
    assert found["optimiser"].optimizer.hot_per_minute == pytest.approx(10 * speed)


def test_the_trace_is_held_against_the_fixed_keep_alive(benches: dict[str, ModuleType]) -> None:
    def result(gb_seconds: float, p99: float, cpu: float) -> dict:
        return {
            "gb_seconds": gb_seconds,
            "slowdown_p99": p99,
            "cpu_seconds": cpu,
            "ops_per_gb_s": 1 / gb_seconds,
            "failed": 0,
        }

    results = {"optimiser": result(30, 2, 110), "off": result(80, 9, 90), "fixed_keep_alive": result(100, 12, 100)}
    ratios, targets = benches["trace"].judged(results)
    assert ratios["memory_time_over_fixed_keep_alive"] == pytest.approx(0.3)
    assert ratios["fixed_keep_alive_p99_slowdown_over_optimiser"] == pytest.approx(6)
    assert ratios["cpu_over_off"] == pytest.approx(110 / 90)
    assert all(target.met for target in targets.values())
    assert benches["trace"].judged({}) == ({}, {})


def test_calls_while_it_moved_are_told_from_those_before_and_after(benches: dict[str, ModuleType]) -> None:
    lifecycle = benches["lifecycle"]
    steady = sys.modules["moving.steady"]
    states = (
        ["pinned"] * 100
        + ["ordinary"] * 10
        + ["observed"] * 10
        + ["building"] * 10
        + ["canary"] * 10
        + ["native"] * 100
    )
    load = steady.Steady("f")
    for at, state in enumerate(states):
        slow = 50.0 if state in {"observed", "building"} else 10.0
        load.seen.append(steady.Seen(float(at), slow, "HTTP 502" if at == 239 else "", "", state))
    told = {"state": "native", "reason": "", "history": []}
    found = lifecycle.figures(load, told)
    assert found["before"]["calls"] == 100
    assert found["moving"]["calls"] == 30 + lifecycle.SWAP_SECONDS
    assert found["after"]["calls"] == 100 - lifecycle.SWAP_SECONDS - 1
    limited = {"limit_ms": 12.0}
    by_state = {"building": 10, "observed": 10}
    assert found["slower_while_moving"] == {**limited, "calls": 35, "slower": 20, "by_state": by_state}
    during = {**limited, "calls": 25, "slower": 10, "by_state": {"building": 10}}
    assert found["slower_during_build_and_swap"] == during
    assert (found["slower_before"], found["slowed_by_build_and_swap"]) == (0, 6)
    assert (found["errors"], found["failures"]) == (1, ["HTTP 502"])


@pytest.mark.parametrize(
    ("seen", "of", "before", "before_of", "beyond"),
    [
        (0, 1000, 0, 1000, 0),
        (0, 1000, 9, 1000, 0),
        (3, 1000, 3, 1000, 0),
        (14, 1000, 6, 1000, 0),
        (15, 1000, 5, 1000, 1),
        (5, 1000, 0, 1000, 1),
        (102, 1000, 4, 1000, 41),
        (3, 0, 0, 1000, 0),
        (5, 1000, 0, 0, 0),
    ],
)
def test_slow_calls_are_beyond_chance_only_where_the_ordinary_ones_do_not_explain_them(
    benches: dict[str, ModuleType], seen: int, of: int, before: int, before_of: int, beyond: int
) -> None:
    assert benches
    assert sys.modules["moving.chance"].beyond_chance(seen, of, before, before_of) == beyond
