"""Archives that are traps: refused, at the latest when they are to be unpacked."""

import base64
import io
import struct
import zipfile
from functools import cache
from typing import Any

import pytest
from blackbox.archives import zipped
from blackbox.workspace import Workspace

pytestmark = pytest.mark.usefixtures("untouched")

MB = 1024 * 1024
MAIN = "exports.main = () => ({ran: true})"


@cache
def bomb() -> bytes:
    """A gigabyte of zeros in a megabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("index.js", MAIN)
        with archive.open("zeros", "w", force_zip64=True) as entry:
            zeros = bytes(8 * MB)
            for _ in range(128):
                entry.write(zeros)
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """The same, but its directory claims ten bytes."""
    raw = bytearray(bomb())
    entry = raw.rindex(b"PK\x01\x02")
    struct.pack_into("<I", raw, entry + 24, 10)
    return bytes(raw)


def with_link() -> bytes:
    """A symbolic link out of the archive, and a file written through it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", MAIN)
        link = zipfile.ZipInfo("out")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/tmp")
        archive.writestr("out/written-through-a-link", "x")
    return buffer.getvalue()


def with_device() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", MAIN)
        device = zipfile.ZipInfo("device")
        device.external_attr = 0o020666 << 16
        archive.writestr(device, "")
    return buffer.getvalue()


def raw(*names: str) -> bytes:
    return base64.b64decode(zipped({"index.js": MAIN, **dict.fromkeys(names, "x")}))


async def outcome(ow: Workspace, code: bytes, kind: str) -> Any:
    """`refused`, at creation or with an error at the invocation; else the result."""
    name = ow.name("archive")
    body = {"exec": {"kind": kind, "code": base64.b64encode(code).decode()}, "limits": {"timeout": 30_000}}
    answer = await ow.put("actions", name, body)
    if answer.status != 200:
        assert answer.status in {400, 413}, answer
        assert set(answer.json) == {"error", "code"}
        return "refused"
    answer = await ow.invoke(name)
    assert answer.status in {200, 502}, answer
    response = answer.json["response"]
    if answer.status == 502:
        assert isinstance(response["result"]["error"], str)
        return "refused"
    return response["result"]


@pytest.mark.parametrize(
    "name", ["../escaped", "a/../../escaped", "/escaped", "..\\escaped", "../../../../tmp/escaped"]
)
async def test_paths_that_lead_out(ow: Workspace, node: str, name: str) -> None:
    assert await outcome(ow, raw(name), node) == "refused"


async def test_a_name_with_dots_is_no_way_out(ow: Workspace, node: str) -> None:
    assert await outcome(ow, raw("a..b", "..c/d", "e../f"), node) == {"ran": True}


@pytest.mark.parametrize("make", [bomb, lying_bomb])
async def test_a_bomb(ow: Workspace, node: str, make: Any) -> None:
    assert await outcome(ow, make(), node) == "refused"


async def test_a_link_that_leads_out(ow: Workspace, node: str) -> None:
    assert await outcome(ow, with_link(), node) in ("refused", {"ran": True})


async def test_a_device(ow: Workspace, node: str) -> None:
    assert await outcome(ow, with_device(), node) in ("refused", {"ran": True})


async def test_very_many_files(ow: Workspace, node: str) -> None:
    names = [f"f/{number}" for number in range(70_000)]
    assert await outcome(ow, raw(*names), node) in ("refused", {"ran": True})


async def test_a_name_that_is_too_long(ow: Workspace, node: str) -> None:
    assert await outcome(ow, raw("d/" * 3000 + "f"), node) == "refused"


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
async def test_an_archive_that_is_cut_off(ow: Workspace, node: str, cut: float) -> None:
    whole = raw("file")
    assert await outcome(ow, whole[: int(len(whole) * cut)], node) == "refused"


async def test_an_archive_with_a_wrong_sum(ow: Workspace, node: str) -> None:
    damaged = bytearray(base64.b64decode(zipped({"index.js": MAIN * 50})))
    damaged[60] ^= 0xFF
    assert await outcome(ow, bytes(damaged), node) == "refused"


async def test_the_next_archive_is_fine(ow: Workspace, node: str) -> None:
    assert await outcome(ow, raw(), node) == {"ran": True}
