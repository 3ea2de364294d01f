"""The collector makes the pseudonym for senders that cannot, when it is given the key."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from support.collector_http import FakeLog, InProcess
from support.events import encode, envelope, event

from meetlat.contract.pseudonym import pseudonym
from meetlat.errors import SettingError
from meetlat.logs.sqlite_file import TopicPath
from meetlat.settings import Settings
from meetlat_collector.person import Pseudonyms

KEY = "0123456789abcdef-key"


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def keyed(log: FakeLog) -> InProcess:
    return InProcess(log, pseudonyms=Pseudonyms(KEY, "k2"))


def users(log: FakeLog) -> list[str]:
    return [msgspec.json.decode(message.value)["data"]["user"] for message in log.messages]


async def test_a_plain_user_becomes_the_sdks_pseudonym(keyed: InProcess, log: FakeLog) -> None:
    reply = await keyed.post_one(event(user=" Jan.Jansen@example.com "))
    assert reply.status == 202
    assert users(log) == [pseudonym("jan.jansen@example.com", KEY, "k2")]
    assert b"ansen" not in log.messages[0].value


async def test_an_unknown_type_gets_its_pseudonym_too(keyed: InProcess, log: FakeLog) -> None:
    await keyed.post_one(encode(envelope("later", data={"user": "jan@example.com"})))
    assert users(log) == [pseudonym("jan@example.com", KEY, "k2")]


async def test_all_else_stays_byte_for_byte_and_in_order(keyed: InProcess, log: FakeLog) -> None:
    made = "u_" + "0" * 32
    raw = [event(user=made), event(user="jan@example.com"), event(user=7), event()]
    reply = await keyed.post_batch(*raw)
    assert reply.json()["accepted"] == 3
    assert [entry["index"] for entry in reply.json()["rejected"]] == [2]
    first, second, last = (message.value for message in log.messages)
    assert (first, last) == (raw[0], raw[3])
    plain = pseudonym("jan@example.com", KEY, "k2").encode()
    assert second == raw[1].replace(b"jan@example.com", plain)


async def test_a_survey_answer_stays_refused_whatever_its_user(keyed: InProcess) -> None:
    survey = {"kind": "survey", "score": 5, "scale_min": 1, "scale_max": 10}
    monday = {"time": "2026-03-02T00:00:00Z"}
    for user in ("jan@example.com", "u_" + "0" * 32):
        data = {**survey, "user": user}
        reply = await keyed.post_one(encode(envelope("feedback", data=data, **monday)))
        assert reply.status == 400
        assert reply.json()["rejected"][0]["error"].startswith("data.user: a survey answer")


def test_a_key_that_is_too_short_is_one_clear_line_without_the_key() -> None:
    settings = Settings({"MEETLAT_PSEUDONYM_KEY": "short"})
    with pytest.raises(SettingError, match="MEETLAT_PSEUDONYM_KEY: the pseudonym key") as told:
        Pseudonyms.of(settings)
    assert "'short'" not in str(told.value)
    assert Pseudonyms.of(Settings({})) is None


def test_the_embedded_log_is_for_its_owner_only(tmp_path: Path) -> None:
    from meetlat.logs.base import Message
    from meetlat.logs.embedded import EmbeddedAppender

    appender = EmbeddedAppender(tmp_path, "events")
    appender.append([Message(None, b"{}")])
    path = TopicPath(tmp_path, "events")
    for file in (path.file, path.wal):
        assert file.stat().st_mode & 0o077 == 0, file
    appender.close()
