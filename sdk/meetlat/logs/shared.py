"""What both logs share: concurrent appends in one commit, what a message may be, data loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from meetlat.errors import DataLossError, LogError
from meetlat.logs.base import MAX_MESSAGE_BYTES, Message, Start

ROUND_MESSAGES = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def must_fit(messages: Sequence[Message]) -> None:
    """Raise LogError for a message that no log takes, before it can spoil others' commit."""
    for message in messages:
        size = len(message.value) + len(message.key or b"")
        for name, value in message.headers:
            size += len(name.encode("utf-8", "surrogatepass")) + len(value)
        if size > MAX_MESSAGE_BYTES:
            raise LogError(
                f"a message of {size:,} bytes is larger than a log takes",
                remedy=f"keep key, value and headers within {MAX_MESSAGE_BYTES:,} bytes together",
            )


def data_loss(
    topic: str, partition: int, stored: int, *, earliest: int | None = None, end: int | None = None
) -> DataLossError:
    """The error for a stored offset that the log does not hold (any more)."""
    where = f"{topic}, partition {partition}: stored offset {stored:,} lies"
    if earliest is not None:
        lies = (
            f"below the earliest, {earliest:,}: {earliest - stored:,} records were deleted unread"
        )
    else:
        lies = f"above the end, {end or 0:,}: the log was emptied, or made anew"
    return DataLossError(
        f"{where} {lies}",
        remedy="restore the log; or accept the loss and start with a new data directory",
    )


def must_follow(topic: str, partition: int, start: Start, found: int) -> None:
    """Raise DataLossError when the record before `start` was appended at another time, `found`.

    Both in microseconds, as the log gives them.
    """
    if found == start.before or start.before is None:
        return
    raise DataLossError(
        f"{topic}, partition {partition}: the record before stored offset {start.offset:,} was "
        f"appended at {_moment(found)}, but the one that was read there at "
        f"{_moment(start.before)}: the log lost records, and others took their place",
        remedy="restore the log that was read; or accept the loss and start with a new data "
        "directory",
    )


def _moment(microseconds: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:  # the sender's own time, in a topic that keeps it
        return f"{microseconds:,} µs"


class SharedAppends:
    """Collects what callers append while a commit is under way, and commits it as one.

    `commit` makes all messages safe, or raises; then every caller of that round gets the error.
    """

    def __init__(self, commit: Callable[[list[Message]], Awaitable[None]]) -> None:
        self._commit = commit
        self._waiting: list[tuple[Sequence[Message], asyncio.Future[None]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def append(self, messages: Sequence[Message]) -> None:
        """Return when these are safe. Raises what `commit` raised."""
        must_fit(messages)
        if not messages:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._run_rounds())
        await done

    async def close(self, deadline: float) -> bool:
        """Finish what is under way; False when it took longer than `deadline` seconds.

        Then it is given up, and its callers get a LogError.
        """
        if self._rounds is None:
            return True
        rounds = self._rounds
        done, _ = await asyncio.wait([rounds], timeout=deadline)
        if not done:
            rounds.cancel()
            await asyncio.wait([rounds])
        return bool(done)

    async def _run_rounds(self) -> None:
        try:
            while self._waiting:
                messages, callers = self._take_round()
                try:
                    await self._commit(messages)
                except asyncio.CancelledError:
                    _answer([*callers, *(done for _, done in self._waiting)], _closed())
                    self._waiting.clear()
                    raise
                except Exception as error:  # noqa: BLE001 - every caller has to get it
                    _answer(callers, error)
                else:
                    _answer(callers, None)
        finally:
            self._rounds = None

    def _take_round(self) -> tuple[list[Message], list[asyncio.Future[None]]]:
        messages: list[Message] = []
        callers: list[asyncio.Future[None]] = []
        for part, done in self._waiting:
            if messages and len(messages) + len(part) > ROUND_MESSAGES:
                break
            messages += part
            callers.append(done)
        del self._waiting[: len(callers)]
        return messages, callers


def _answer(callers: Iterable[asyncio.Future[None]], error: Exception | None) -> None:
    for done in callers:
        if done.done():
            continue  # its caller was cancelled
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _closed() -> LogError:
    return LogError("the log was closed before it answered", remedy="append again", retry=True)
