"""`./dev test [SUITE…]`: runs the suites, sums them up, ends with "N passed, N failed, N skipped" on a line alone."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from argo_dev.cluster import Cluster, cluster, why_no_cluster
from argo_dev.counts import Counts, from_cargo, from_junit
from argo_dev.engine import docker_engine
from argo_dev.service import Service, ServiceStartError, argofn_on_path, fresh_service, tail

HERE = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ["ARGO_CACHE"])
SUITE_SECONDS = 3600
TEARDOWN_SECONDS = 60
# Builds of native images and machines that are emulated: minutes each, so they come last.
NATIVE = (
    *(f"action-proxy/tests/{part}" for part in ("builder", "niuk", "microvm")),
    "provider/tests/benches/test_niuk_benches.py",
    "provider/tests/end_to_end/test_tiers.py",
    "provider/tests/end_to_end/test_deployed_service.py",
)
PURE = {"unit", "niuk", "browser"}  # need no engine
MARKERS = ("contract", "integration", "end_to_end")


@dataclass(frozen=True, slots=True)
class Suite:
    """A part of the tests; `run` gets what pytest-based ones pass on."""

    name: str
    about: str
    run: Callable[[Sequence[str]], Counts]


def main() -> int:
    """Exit status 0 only if something ran and nothing failed."""
    options = _options()
    if options.list:
        for suite in SUITES.values():
            print(f"{suite.name:12} {suite.about}")
        return 0
    signal.signal(signal.SIGTERM, _on_sigterm)
    # A shell starts what it puts in the background deaf to Ctrl-C, and all that this starts would be so, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = _chosen(options.suites)
    with _engine_for(chosen) as missing:
        say(f"Docker: {missing or 'an engine answers'}")
        results = _run_all(chosen, options.pytest)
    if options.counts:
        options.counts.write_text(sum(results.values(), Counts()).to_json())
    return _sum_up(results)


def _run_all(chosen: Sequence[Suite], extra: Sequence[str]) -> dict[str, Counts]:
    """One suite after the other, but for the cluster's: it waits for answers as compat does, so they run together."""
    results: dict[str, Counts] = {}
    together = {suite.name for suite in chosen} >= {"compat", "cluster"}
    for suite in chosen:
        if together and suite.name == "compat":
            with _beside(SUITES["cluster"], extra) as other:
                results[suite.name] = _run(suite, extra)
            results["cluster"] = other()
        elif suite.name not in results:
            results[suite.name] = _run(suite, extra)
    return results


@contextmanager
def _beside(suite: Suite, extra: Sequence[str]) -> Iterator[Callable[[], Counts]]:
    """Run a suite in a process of its own meanwhile; what it yields gives its counts afterwards.

    Its output comes when it has ended, in one piece.
    """
    with tempfile.TemporaryDirectory(prefix="argo-tests-") as temporary:
        output, report = Path(temporary) / "output", Path(temporary) / "counts.json"
        command = [sys.executable, "-P", "-m", "argo_dev.suites", suite.name, f"--counts={report}"]
        command += [f"--pytest={argument}" for argument in extra]
        say(f"suite {suite.name}: beside the next one")
        counts = Counts.broken(f"{suite.name}: broken off")
        with output.open("wb") as written:
            process = subprocess.Popen(command, cwd=HERE, stdout=written, stderr=subprocess.STDOUT)
        try:
            yield lambda: counts
            status = _attended(process)
            if report.exists():
                counts = Counts.from_json(report.read_text())
            else:
                counts = Counts.broken(f"{suite.name}: ended with status {status} without counts")
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=TEARDOWN_SECONDS)
            sys.stdout.write(output.read_text(errors="replace"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev test", description="Run the tests, or some suites of them.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help="see --list; none: all")
    parser.add_argument("--list", action="store_true", help="list the suites")
    parser.add_argument("--pytest", action="append", default=[], metavar="ARG", help="passed on, e.g. --pytest=-x")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="write the sum there as JSON, too")
    options = parser.parse_args()
    unknown = [name for name in options.suites if name not in SUITES]
    if unknown:
        parser.error(f"no suite {', '.join(unknown)}; there are: {', '.join(SUITES)}")
    return options


def _chosen(names: Sequence[str]) -> list[Suite]:
    """The suites of the same name; all by default, the Python ones in one run."""
    return [SUITES[name] for name in names or ("python", "compat", "cluster", "browser", "niuk", "native")]


def _engine_for(chosen: Sequence[Suite]) -> AbstractContextManager[str]:
    if all(suite.name in PURE for suite in chosen):
        return nullcontext("not needed by these suites")
    return docker_engine(CACHE)


def _on_sigterm(*_: object) -> NoReturn:
    raise SystemExit(143)


def _run(suite: Suite, extra: Sequence[str]) -> Counts:
    say(f"suite {suite.name}: {suite.about}")
    began = time.monotonic()
    try:
        counts = suite.run(extra)
    except ServiceStartError as error:
        print(error, file=sys.stderr)
        counts = Counts.broken(f"{suite.name}: the service did not start")
    except subprocess.TimeoutExpired:
        counts = Counts.broken(f"{suite.name}: not done after {SUITE_SECONDS} s")
    say(f"suite {suite.name}: {counts} in {time.monotonic() - began:.0f} s")
    return counts


def _sum_up(results: dict[str, Counts]) -> int:
    total = sum(results.values(), Counts())
    print()
    for reason, number in sorted(total.reasons.items(), key=lambda item: -item[1]):
        print(f"skipped {number}: {reason}")
    for name in total.failures:
        print(f"FAILED {name}")
    for name, counts in results.items():
        print(f"{name:12} {counts}")
    print(total, flush=True)
    return 0 if total.passed and not total.failed else 1


def say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- the suites


def _pytest(arguments: Sequence[str], folder: Path = HERE) -> Counts:
    with tempfile.TemporaryDirectory(prefix="argo-tests-") as temporary:
        report = Path(temporary) / "report.xml"
        command = [sys.executable, "-P", "-m", "pytest", f"--junitxml={report}", "-q", *arguments]
        status = _attended(subprocess.Popen(command, cwd=folder))
        if not report.exists():
            return Counts.broken(f"pytest ended with status {status} without a report: {' '.join(arguments)}")
        counts = from_junit(report)
    # 0: all passed; 1: some failed, and they are in the report; 5: none was chosen. Others mean it broke off.
    return counts if status in {0, 1, 5} else counts + Counts.broken(f"pytest ended with status {status}")


def _attended(process: subprocess.Popen[bytes]) -> int:
    """Its exit status. When we are to end first, it gets the time to take down what it started."""
    try:
        return process.wait(timeout=SUITE_SECONDS)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):  # Ctrl-C has reached it already
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=TEARDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def _python(extra: Sequence[str]) -> Counts:
    return _pytest([*(f"--ignore={folder}" for folder in NATIVE), *extra])


def _native(extra: Sequence[str]) -> Counts:
    return _pytest([*(folder for folder in NATIVE if (HERE / folder).exists()), *extra])


def _marked(marker: str) -> Callable[[Sequence[str]], Counts]:
    return lambda extra: _pytest(["-m", marker, *extra])


def _compat(extra: Sequence[str]) -> Counts:
    with argofn_on_path(), fresh_service("--log-format", "json") as service:
        counts = _pytest([*_compat_options(service), *extra], HERE / "compat-tests")
        if counts.failed:
            say(f"the end of the service's log:\n{tail(service.log)}")
    return counts


def _cluster(extra: Sequence[str]) -> Counts:
    reason = why_no_cluster()
    if reason:
        return Counts.broken(reason) if os.environ.get("CI") == "true" else Counts.of_skipped_suite(reason)
    # On a machine that also builds and tests, a node may be silent for seconds without being gone.
    with argofn_on_path(), cluster(settings=("cluster.lease_seconds=15",)) as made:
        counts = _pytest([*_compat_options(made.services[0], made), *extra], HERE / "compat-tests")
        if counts.failed:
            for member in (*made.replicas, *made.nodes):
                say(f"the end of {member.name}'s log:\n{tail(member.log, 15)}")
    return counts


def _compat_options(service: Service, operator: Service | Cluster | None = None) -> list[str]:
    operator = operator or service
    small = operator.new_namespace("small")
    limits = ("--invocations-per-minute", "10", "--concurrent-invocations", "3", "--fires-per-minute", "10")
    operator.argofn("namespace", "limits", "small", *limits)
    return [
        f"--apihost={service.url}",
        f"--auth={service.auth}",
        f"--auth2={operator.new_namespace('other')}",
        f"--throttled-auth={small}",
    ]


def _browser(extra: Sequence[str]) -> Counts:
    return _pytest([*extra], HERE / "provider" / "dashboard" / "tests")


def _niuk(_: Sequence[str]) -> Counts:
    manifest = HERE / "niuk-runtime" / "host" / "Cargo.toml"
    if not manifest.exists():
        return Counts.of_skipped_suite("niuk-runtime/host is not here yet")
    reason = _why_no_cargo(manifest)
    if reason:
        return Counts.broken(reason) if os.environ.get("CI") == "true" else Counts.of_skipped_suite(reason)
    command = ["cargo", "test", "--locked", "--manifest-path", str(manifest)]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(CACHE / "cargo-target"), "CARGO_TERM_COLOR": "never"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=SUITE_SECONDS, check=False
    )
    sys.stdout.write(done.stdout)
    counts = from_cargo(done.stdout)
    return counts if done.returncode == 0 or counts.failed else counts + Counts.broken("cargo test did not finish")


def _why_no_cargo(manifest: Path) -> str:
    """ "" if there is a Rust that can build the host."""
    needed = tomllib.loads(manifest.read_text())["package"]["rust-version"]
    if shutil.which("cargo") is None:
        return f"the NIUk host needs Rust {needed} or newer, and there is no cargo"
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", str(manifest)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return "" if done.returncode == 0 else f"the NIUk host needs Rust {needed} or newer; this cargo is older"


SUITES = {
    suite.name: suite
    for suite in (
        Suite("python", "provider and action-proxy, but for native images and microVMs", _python),
        Suite("unit", "pure, no I/O", _marked(" and ".join(f"not {marker}" for marker in MARKERS))),
        Suite("contract", "one behaviour class a port, over every adapter", _marked("contract")),
        Suite("integration", "real engines", _marked("integration")),
        Suite("end_to_end", "the real service", _marked("end_to_end")),
        Suite("compat", "black box over HTTP and real clients, against a fresh service", _compat),
        Suite("cluster", "the same over a cluster: PostgreSQL, NATS, two nodes in namespaces", _cluster),
        Suite("browser", "the dashboard in Debian's Chromium, against a fresh service", _browser),
        Suite("niuk", "the NIUk host", _niuk),
        Suite("native", "native images built and run, microVMs booted", _native),
    )
}

if __name__ == "__main__":
    sys.exit(main())
