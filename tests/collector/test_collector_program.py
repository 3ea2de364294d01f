"""`meetlat collect` as a program: what it says, and what SIGTERM and `kill -9` leave behind."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest
from support.collector_http import Client, Program, ids_in, read_log
from support.events import encode, envelope, event

from meetlat.contract.envelope import BATCHED


class Load:
    """Clients that send until their collector is gone, and remember what was answered."""

    def __init__(self, program: Program, clients: int = 16) -> None:
        self.answered: list[str] = []
        self.sent: list[str] = []
        self.statuses: set[int] = set()
        self._tasks = [asyncio.create_task(self._send(program, n)) for n in range(clients)]

    async def _send(self, program: Program, number: int) -> None:
        client = await Client.connect(program.url)
        try:
            for turn in range(1_000_000):
                ids = [f"{number}-{turn}-{part}" for part in range(1 + turn % 3)]
                self.sent += ids
                body = b"[" + b",".join(encode(envelope(id=i)) for i in ids) + b"]"
                reply = await client.post(body, BATCHED)
                self.statuses.add(reply.status)
                if reply.status == 202:
                    self.answered += ids
        except ConnectionError:
            client.writer.transport.abort()
        await client.close()

    async def reach(self, events: int) -> None:
        """Wait until so many events were answered."""
        async with asyncio.timeout(60):
            while len(self.answered) < events:  # noqa: ASYNC110 - sixteen clients write to it
                await asyncio.sleep(0.005)

    async def done(self) -> None:
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)


async def test_sigterm_under_load_ends_with_0_and_every_202_is_in_the_log_once(
    tmp_path: Path,
) -> None:
    program = await Program.start(tmp_path)
    load = Load(program)
    await load.reach(1500)
    program.terminate()
    await load.done()
    assert await program.ended() == (0, "")
    stored = await ids_in(tmp_path / "log")
    assert len(stored) == len(set(stored))
    assert set(load.answered) <= set(stored) <= set(load.sent)
    # In order means: what was taken was also answered, to every client.
    assert set(stored) == set(load.answered)
    assert load.statuses <= {202, 503}
    last = (await read_log(tmp_path / "log"))[-1].value
    assert b'"emitted":%d' % len(stored) in last, "the last record is the collector's report"


async def test_kill_9_under_load_keeps_every_event_that_was_answered_202(tmp_path: Path) -> None:
    for _ in range(3):
        program = await Program.start(tmp_path)
        load = Load(program)
        await load.reach(500)
        program.kill()
        await load.done()
        assert (await program.ended())[0] == -signal.SIGKILL
        stored = await ids_in(tmp_path / "log")
        assert set(load.answered) <= set(stored)
        for path in (tmp_path / "log").iterdir():
            path.unlink()


async def test_after_kill_9_it_starts_again_on_the_same_log(tmp_path: Path) -> None:
    for number in range(2):
        program = await Program.start(tmp_path)
        client = await Client.connect(program.url)
        assert (await client.post(encode(envelope(id=str(number))))).status == 202
        program.kill()
        await program.ended()
        assert await client.closed()
    assert await ids_in(tmp_path / "log") == ["0", "1"]


async def test_ctrl_c_ends_in_order_too(tmp_path: Path) -> None:
    program = await Program.start(tmp_path)
    program.process.send_signal(signal.SIGINT)
    assert await program.ended() == (0, "")


async def test_it_says_where_it_listens_once_it_is_ready(tmp_path: Path) -> None:
    program = await Program.start(tmp_path, "--log", f"embedded:{tmp_path / 'elsewhere'}")
    assert program.said == [
        f"collecting at {program.url} (this machine only) into embedded:{tmp_path / 'elsewhere'}"
    ]
    client = await Client.connect(program.url)
    assert (await client.get("/readyz")).status == 200
    assert (await client.post(event())).status == 202
    program.terminate()
    assert await program.ended() == (0, "")
    assert await client.closed()
    assert await ids_in(tmp_path / "elsewhere") == ["1"]


async def test_a_port_that_is_taken_is_one_line_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        program = await Program.start(tmp_path, "--listen", where)
        status, said = await program.ended()
    assert status == 1
    assert said.startswith(f"meetlat: cannot listen on {where} (")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (["--listen", "0.0.0.0:0"], {}, "open to other machines"),
        (["--listen", "4318"], {}, "is not HOST:PORT"),
        (["--log", "redis://x"], {}, "names no log"),
        ([], {"MEETLAT_MAX_BODY_BYTES": "many"}, "MEETLAT_MAX_BODY_BYTES"),
    ],
)
async def test_a_setting_that_does_not_fit_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], said: str
) -> None:
    program = await Program.start(tmp_path, *arguments, **environ)
    status, error = await program.ended()
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


async def test_help_shows_an_example(tmp_path: Path) -> None:
    program = await Program.start(tmp_path, "--help")
    assert (await program.ended())[0] == 0
    assert any(line.strip().startswith("meetlat collect --listen") for line in program.said)
