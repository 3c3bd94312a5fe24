"""What `why`, `top` and `bench` make of what the service tells."""

from argo_provider.cli.client import bench, builds, tiers, top

TIER = {
    "name": "p/a",
    "state": "building",
    "since": 0,
    "reason": "It is called 30 times a minute.",
    "next": "The end of its build.",
    "wishes": {"tier": "auto", "sandbox": "auto", "idempotent": True, "warm": 0},
    "signals": {"ratePerMinute": 30, "ratePerHour": 400, "overlap": 2.5, "coldShare": 0.25, "runMs": 1.5},
    "build": {"id": "b1", "state": "running", "round": 2, "step": "compiling", "progress": 0.5, "failure": None},
    "history": [{"at": 0, "from": "ordinary", "to": "observed", "reason": "It got hot."}],
}


def test_why_says_state_since_when_why_and_what_would_change_it():
    told = tiers.explained(TIER, 120_000)
    for part in (
        "p/a is building, for 2 min now.", TIER["reason"], TIER["next"], "30.0 calls a minute", "25 % cold",
        "argo.idempotent = True", "running, round 2, compiling", "ordinary → observed: It got hot.", "argofn optimise p/a",
    ):  # fmt: skip
        assert part in told, part


def test_every_state_has_a_meaning():
    from argo_provider.optimizer.model import State

    for state in State:
        lines = tiers.explained(TIER | {"state": state.value, "history": [], "build": None}, 0).splitlines()
        assert len(lines[1].split()) > 5


def test_a_failed_build_is_told():
    failed = TIER["build"] | {"state": "failed", "failure": "closed_world", "detail": "class X"}
    assert "failed (closed_world): class X" in tiers.build_sentence(failed)


def test_steps_are_said_once_each(capsys):
    with builds.progress_of("a") as show:
        show(TIER)
        show(TIER)
        show(TIER | {"state": "native", "build": None, "reason": "It passed."})
    assert [line.split("] ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "a building: compiling",
        "a native: It passed.",
    ]


def test_top_shows_what_there_is_and_how_much_is_hidden():
    function = {"name": "a", "tier": "warm", "state": "ordinary", "kind": "nodejs:20", "memoryMb": 256, "p50": 1.25}
    niuk = {
        "id": "n1", "sandbox": "process", "memoryBytes": 1 << 20, "isolates": 4,
        "functions": [{"isolates": {"busy": 1, "total": 4}}],
    }  # fmt: skip
    found = {
        "functions": [function], "total": 3, "sandboxes": [{"state": "warm"}], "niuks": [niuk],
        "machine": {"cpus": 2, "cpuPercent": 50.0, "pool": {"memoryUsedMb": 1}, "degraded": ["no KVM"]},
    }  # fmt: skip
    text = "\n".join(top.text(found))
    for part in ("50 % of 2 CPUs", "1 warm", "1 of 4 isolates busy", "no KVM", "1.2 ms", "… and 2 more"):
        assert part in text, part


def test_percentiles():
    assert bench.percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert bench.percentile([1.0, 2.0, 3.0, 4.0], 99) == 4.0
    assert bench.percentile([], 50) == 0.0


def test_failures_are_counted_and_not_measured():
    samples = [bench.Sample(10.0, 1.0, cold=True), bench.Sample(20.0, 2.0, tier="native"), bench.Sample(1.0, error="x")]
    found = bench.figures("a", samples, 2.0)
    assert (found["errors"], found["cold"], found["perSecond"]) == (1, 1, 1.5)
    assert found["total"]["max"] == 20.0
    assert "1x x" in bench.text(found)
