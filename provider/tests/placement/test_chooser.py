from dataclasses import replace
from pathlib import Path

import pytest

from argo_provider.placement.chooser import Chooser
from argo_provider.placement.port import Overloaded
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver
from argo_proxy.sandboxes.port import SandboxKind

CATALOGUE = Catalogue([Runtime(kind="test:1", family="test", directory=Path(), command=("x",), stem_cells=1)])

KINDS = ("other", "native", "unused")


def test_a_machine_is_only_for_those_who_ask():
    chooser = Chooser({SandboxKind.MICROVM: FakeDriver(), SandboxKind.PROCESS: FakeDriver()}, CATALOGUE)
    assert chooser.shape(executable()).technology is SandboxKind.PROCESS
    assert chooser.shape(executable("microvm")).technology is SandboxKind.MICROVM
    assert {shape.technology for shape in chooser.stock(256)} == {SandboxKind.PROCESS}


def test_what_starts_cold_is_stocked_where_any_function_of_its_kind_may_take_it():
    driver, cold = FakeDriver(), {(SandboxKind.PROCESS, "other:1"), (SandboxKind.NIUK, "native:1")}
    kinds = [*CATALOGUE.runtimes(), *(replace(CATALOGUE.runtimes()[0], kind=f"{k}:1", stem_cells=0) for k in KINDS)]
    chooser = Chooser({SandboxKind.PROCESS: driver}, Catalogue(kinds))
    assert chooser.stock(256, cold) == {Shape(SandboxKind.PROCESS, "test:1", 256): 1}
    driver.resizes = True
    elastic = [Shape(SandboxKind.PROCESS, kind, 256, elastic=True) for kind in ("test:1", "other:1")]
    assert chooser.stock(256, cold) == dict.fromkeys(elastic, 1)


def test_a_wish_that_cannot_be_met_says_why():
    why = {SandboxKind.MICROVM: "KVM interprets its guests: set microvm.emulate"}
    chooser = Chooser({SandboxKind.PROCESS: FakeDriver()}, CATALOGUE, why)
    with pytest.raises(Overloaded, match=r"usable now: process\. KVM interprets its guests: set microvm\.emulate\."):
        chooser.shape(executable("microvm"))


def test_what_runs_without_a_network_shares_no_sandbox_with_what_has_one():
    drivers = {SandboxKind.PROCESS: FakeDriver(), SandboxKind.ZYGOTE: FakeDriver(), SandboxKind.CONTAINER: FakeDriver()}
    chooser = Chooser(drivers, CATALOGUE)
    offline = executable(**{"argo.network": "off"})
    assert chooser.shape(offline) == chooser.shape(executable())._replace(offline=True)
    assert chooser.shape(executable(**{"argo.network": "on"})) == chooser.shape(executable())
    assert chooser.native_shape(executable(), "zygote") is not None
    assert chooser.native_shape(offline, "zygote") is None
    with pytest.raises(Overloaded, match=r"spoken to over the network, which is off \(argo\.network\)"):
        chooser.shape(replace(offline, image="someone/image"))


def test_what_reaches_some_networks_only_is_a_process():
    container, process = (SandboxKind.CONTAINER, FakeDriver()), (SandboxKind.PROCESS, FakeDriver())
    chooser = Chooser(dict([container, process, (SandboxKind.ZYGOTE, FakeDriver())]), CATALOGUE)
    held = executable(**{"argo.egress": ["10.0.0.0/8"]})
    shape = chooser.shape(held)
    assert (shape.technology, shape.egress) == (SandboxKind.PROCESS, ("10.0.0.0/8",))
    assert chooser.native_shape(held, "zygote") is None
    assert chooser.shape(executable(**{"argo.egress": ["10.0.0.0/8"], "argo.network": "off"})).egress == ()
    with pytest.raises(Overloaded, match="cannot be held to the networks that its namespace may reach"):
        chooser.shape(replace(held, image="someone/image"))
    with pytest.raises(Overloaded, match="Only sandboxes of the kind 'process'"):
        Chooser(dict([container]), CATALOGUE).shape(held)


def executable(wish="auto", **annotations):
    annotations |= {"argo.sandbox": wish}
    return Executable("ns", "/ns/f", "1", "r1", "test:1", "main", None, False, annotations=annotations)
