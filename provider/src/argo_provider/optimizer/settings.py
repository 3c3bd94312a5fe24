"""Every number that the policy weighs, in one table. Rates are invocations of one function."""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.model.documented import setting


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """When a function gets hot, how carefully it moves, and how long it is kept warm."""

    enabled: bool = setting(True, "Hot functions move to native images by themselves. Off: nothing moves.")

    # signals
    short_window_seconds: float = setting(
        60.0, "Window of the rate that shows a burst.", unit="seconds", low=1, high=3600
    )
    long_window_seconds: float = setting(
        3600.0, "Window of the rate that shows what lasts.", unit="seconds", low=10, high=604_800
    )
    smoothing: float = setting(
        0.1, "Weight of the newest invocation in overlap, share of cold starts and run time.", low=0.001, high=1
    )

    # hot
    hot_per_minute: float = setting(
        10.0, "Invocations a minute that make a function hot whose native form must be compiled (Java).", low=0.001
    )
    hot_per_hour: float = setting(60.0, "The same over the long window.", low=0.001)
    instant_per_hour: float = setting(
        2.0,
        "Invocations an hour that make a function hot whose native form costs no build (JavaScript, Python).",
        low=0,
    )
    hot_overlap: float = setting(
        2.0, "Others in flight, on average, when an invocation comes: from here on a function is hot.", low=0.1
    )
    hot_cold_share: float = setting(0.25, "Share of cold starts from which a function is hot.", low=0.01, high=1)
    hot_least: float = setting(20.0, "Invocations in the long window before overlap or cold starts are judged.", low=1)
    cool_share: float = setting(
        0.3,
        "A function under way counts as hot until its figures fall below this share of what made it so.",
        low=0,
        high=1,
    )

    # repay: all is reckoned in milliseconds of waiting, see docs/explanation/life-of-a-function.md
    repay_seconds: float = setting(
        3600.0,
        "A native form must repay what it costs within so long, at the rate of the long window; within as long as the"
        " function is called already, where that is longer.",
        unit="seconds",
        low=10,
    )
    repay_most_seconds: float = setting(
        86_400.0, "However long it is called already, it must repay within so long.", unit="seconds", low=10
    )
    repay_times: float = setting(
        1.0, "Times what it costs that it must save; 0: rates alone decide, whatever it costs.", low=0, high=1000
    )
    repay_slack: float = setting(
        0.2,
        "Share of what the ordinary runtime costs that a native form must save beyond that, and may lose before it is"
        " given up.",
        low=0,
        high=10,
    )
    felt_most: float = setting(
        10.0,
        "Waiting for a start that takes longer than its function weighs more, in proportion; at most so many times.",
        low=1,
        high=1000,
    )
    cpu_second_ms: float = setting(
        450.0, "Waiting that a second of processor time is worth.", unit="milliseconds", low=0
    )
    spare_cpu_second_ms: float = setting(
        100.0,
        "The same of one that nothing else wants, as builds take them: they give way.",
        unit="milliseconds",
        low=0,
    )
    build_cpu_seconds: float = setting(
        100.0, "Processor time that a build is taken to cost until this machine has made one.", unit="seconds", low=0
    )
    engine_builds: float = setting(
        4.0,
        "Builds that an engine (JavaScript) is taken to cost until this installation has one: the functions of a"
        " namespace that would run in it have to repay it together.",
        low=0,
    )
    build_held_mb: float = setting(1024.0, "Memory that a build is taken to hold while it lasts.", unit="MB", low=0)

    # observe
    observe_invocations: int = setting(20, "Recorded invocations before the first build.", low=1)
    observe_seconds: float = setting(
        120.0, "A build begins after so long with what has been recorded.", unit="seconds", low=0.1
    )
    observe_share: float = setting(
        0.1, "Least share of a busy function's invocations that is recorded; rare ones are all.", low=0.01, high=1
    )

    # build
    builds_at_once: int = setting(1, "Native builds of this machine at once.", low=1, high=64)
    build_seconds: float = setting(900.0, "A build that takes longer is stopped.", unit="seconds", low=1)
    build_usual_seconds: float = setting(
        180.0,
        "A function whose last build took longer must be called more to get hot, in proportion.",
        unit="seconds",
        low=1,
    )
    build_memory_mb: int = setting(4096, "Memory of a build.", unit="MB", low=256)
    builds_per_hour: int = setting(30, "Builds that one namespace may begin in an hour.", low=1)
    native_functions: int = setting(500, "Functions of one namespace that may be native at once.", low=0)
    rounds: int = setting(
        3, "Builds of the same code; after as many failures that mean a closed world it is pinned.", low=1, high=10
    )
    tries: int = setting(3, "Crashes, slow canaries, or builds beyond their limits before a function is pinned.", low=1)
    cool_down_seconds: float = setting(
        300.0,
        "After a failure or a demotion nothing is tried for so long; twice as long each time.",
        unit="seconds",
        low=0,
    )
    cool_down_longest_seconds: float = setting(86_400.0, "The longest such time.", unit="seconds", low=0)
    artefacts_mb: int = setting(8192, "Disk that native artefacts may use; the least used go first.", unit="MB", low=64)

    # canary
    canary_share: float = setting(
        0.1, "Least share of invocations that runs natively on trial; more for rare functions.", low=0.001, high=1
    )
    canary_share_most: float = setting(0.5, "Largest such share.", low=0.001, high=1)
    canary_invocations: int = setting(20, "Invocations compared before a function is promoted.", low=1)
    canary_invocations_least: int = setting(3, "The same for a function that is rarely called.", low=1)
    canary_seconds: float = setting(
        60.0, "Time in which a trial should end; share and number are chosen by it.", unit="seconds", low=1
    )
    canary_slower: float = setting(0.2, "A native form may be slower than the ordinary runtime by this share.", low=0)

    # warm
    keep_alive_first_seconds: float = setting(
        120.0, "A function whose rhythm is not known yet is kept warm for so long.", unit="seconds", low=0
    )
    keep_alive_least_seconds: float = setting(5.0, "Shortest time it is kept warm.", unit="seconds", low=0)
    keep_alive_most_seconds: float = setting(3600.0, "Longest.", unit="seconds", low=0)
    keep_alive_gaps: int = setting(4, "Pauses between invocations that make a rhythm.", low=1)
    gb_second_ms: float = setting(
        1.0,
        "Waiting that a GB which is really held for a second is worth; native forms are weighed by what they hold,"
        " as if no more were reserved.",
        unit="milliseconds",
        low=0,
    )
    reserved_gb_second_ms: float = setting(
        3.5,
        "Waiting that a GB of the pool's room is worth, reserved for a second: keep-alive weighs both.",
        unit="milliseconds",
        low=0,
    )
    hibernated_mb: float = setting(
        8.0,
        "What a hibernated sandbox is taken to hold; 0: none hibernates.",
        unit="MB",
        low=0,
    )
    wake_ms: float = setting(15.0, "Waiting for what a hibernated sandbox reads back.", unit="milliseconds", low=0)
    wake_cpu_ms: float = setting(
        10.0, "Processor time of hibernating and of waking up together.", unit="milliseconds", low=0
    )
    sandbox_mb: float = setting(
        24.0, "Memory that an idle ordinary sandbox is taken to hold until one was measured.", unit="MB", low=0.1
    )
    isolate_mb: float = setting(8.0, "The same of an isolate, or of a child of a zygote.", unit="MB", low=0.1)
    niuk_mb: float = setting(
        24.0,
        "Memory of a NIUk that is no function's own, until less was seen: the functions of a namespace that run in it,"
        " or would, have to repay it together.",
        unit="MB",
        low=0,
    )
    zygote_mb: float = setting(8.0, "The same of a zygote.", unit="MB", low=0)
    isolate_start_ms: float = setting(
        10.0, "Start of an isolate until its function has told better.", unit="milliseconds", low=0
    )
    pressure_free_mb: int = setting(256, "After memory got short, so much is made free.", unit="MB", low=1)
    tick_seconds: float = setting(
        1.0, "How often idle functions and ended cool-downs are looked at.", unit="seconds", low=0.05
    )
