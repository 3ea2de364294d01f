"""The socket by which commands ask the running aggregator."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from meetlat.errors import MeetlatError
from meetlat_aggregator.control import SOCKET, ControlServer, NotRunningError, Say, ask


async def count(request: dict[str, Any], say: Say) -> int:
    for number in range(int(request["to"])):
        await say([number, request["to"]])
    return int(request["to"])


async def refuse(_: dict[str, Any], __: Say) -> None:
    raise MeetlatError("it cannot be done", remedy="do something else")


async def break_down(_: dict[str, Any], __: Say) -> None:
    raise ZeroDivisionError("by zero")


async def be_short(_: dict[str, Any], __: Say) -> None:
    raise MemoryError("no room\nhow to get more")


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[None]:
    handlers = {"count": count, "refuse": refuse, "break": break_down, "short": be_short}
    server = ControlServer(directory, handlers, (MemoryError,))
    await server.start()
    try:
        yield
    finally:
        await server.close()


async def asked(directory: Path, do: str, **arguments: Any) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: list(ask(directory, do, **arguments)))


async def test_progress_comes_first_and_the_answer_last(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert await asked(tmp_path, "count", to=2) == [
            {"progress": [0, 2]},
            {"progress": [1, 2]},
            {"answer": 2},
        ]


async def test_only_its_owner_may_use_it_and_it_goes_with_its_server(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / SOCKET).exists()


async def test_a_directory_of_any_depth_will_do(tmp_path: Path) -> None:
    """The system takes a path of about a hundred bytes."""
    deep = tmp_path.joinpath(*["a-long-name-of-a-directory"] * 8)
    deep.mkdir(parents=True)
    async with serving(deep):
        assert await asked(deep, "count", to=0) == [{"answer": 0}]


async def test_an_error_comes_back_with_its_remedy(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(MeetlatError, match=r"^it cannot be done; do something else$"):
            await asked(tmp_path, "refuse")


async def test_what_may_heal_is_to_be_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path):
        with pytest.raises(MeetlatError, match=r"^failed: no room; ask again$") as short:
            await asked(tmp_path, "short")
        with pytest.raises(MeetlatError) as refused:
            await asked(tmp_path, "refuse")
    assert (short.value.retry, refused.value.retry) == (True, False)
    assert caplog.text == ""


async def test_a_command_that_breaks_or_is_unknown_does_not_end_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path):
        with pytest.raises(MeetlatError, match=r"^failed: by zero; see the aggregator's log$"):
            await asked(tmp_path, "break")
        with pytest.raises(MeetlatError, match="not understood"):
            await asked(tmp_path, "dance")
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(str(tmp_path / SOCKET))
            rude.sendall(b"no json\n")
        assert await asked(tmp_path, "count", to=0) == [{"answer": 0}]
    assert "ZeroDivisionError" in caplog.text


def test_nobody_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="no aggregator runs on"):
        list(ask(tmp_path, "count", to=0))
    with pytest.raises(NotRunningError):
        list(ask(tmp_path / "nowhere", "count", to=0))


async def test_a_socket_that_a_crash_left_is_nobody_and_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    assert (tmp_path / SOCKET).exists()
    with pytest.raises(NotRunningError):
        await asked(tmp_path, "count", to=0)
    async with serving(tmp_path):
        assert await asked(tmp_path, "count", to=0) == [{"answer": 0}]
