"""Settings: where a value comes from, what is refused and how, and that secrets never show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meetlat.errors import SettingError
from meetlat.settings import (
    COLLECTOR_LISTEN,
    DATA,
    DEDUP_DAYS,
    LOG,
    POISON_SHARE,
    PSEUDONYM_KEY,
    SETTINGS,
    SPOOL_BYTES,
    TIMEZONE,
    Secret,
    Settings,
)

SECRET = "a very secret value"


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "meetlat.toml"


def test_environment_wins_over_the_file_and_a_call_over_both(toml: Path) -> None:
    toml.write_text("[settings]\ndedup_days = 1\nspool_bytes = 10\nlog = 'embedded:file'\n")
    settings = Settings(
        {"MEETLAT_DEDUP_DAYS": "2", "MEETLAT_SPOOL_BYTES": "20"},
        overrides={"MEETLAT_SPOOL_BYTES": 30},
        file=toml,
    )
    assert (settings[LOG], settings[DEDUP_DAYS], settings[SPOOL_BYTES]) == ("embedded:file", 2, 30)


def test_without_anything_it_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings({})
    assert all(settings[setting] == setting.default for setting in SETTINGS)
    assert settings.file == Path("meetlat.toml")


def test_meetlat_toml_in_the_working_directory_is_found(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    toml.write_text("[settings]\ndedup_days = 3\n\n[plan]\nother = 'left alone'\n")
    assert Settings({})[DEDUP_DAYS] == 3


def test_meetlat_config_names_the_file(toml: Path) -> None:
    toml.write_text("[settings]\ndedup_days = 3\n")
    settings = Settings({"MEETLAT_CONFIG": str(toml)})
    assert (settings[DEDUP_DAYS], settings.file) == (3, toml)


def test_a_named_file_that_is_not_there_is_an_error(toml: Path) -> None:
    with pytest.raises(SettingError, match="does not exist"):
        Settings({"MEETLAT_CONFIG": str(toml)})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[settings]\nnonsense = 1\n", "unknown setting 'nonsense'"),
        ("settings = 5\n", "not a table"),
        ("[settings\n", "cannot read"),
        ("[settings]\ndedup_days = []\n", "settings.dedup_days in meetlat.toml"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(toml: Path, text: str, says: str) -> None:
    toml.write_text(text)
    with pytest.raises(SettingError) as caught:
        Settings({}, file=toml)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("MEETLAT_DEDUP_DAYS", ["0", "-1", "x", "inf", "nan", ""]),
        ("MEETLAT_SPOOL_BYTES", ["-1", "1.5", "x", ""]),
        ("MEETLAT_POISON_SHARE", ["0", "1.1", "nan"]),
        ("MEETLAT_COLLECTOR_LISTEN", ["4318", ":4318", "host", "host:x", "host:65536", "host:-1"]),
        ("MEETLAT_COLLECTOR_EXPOSE", ["maybe", "2"]),
        ("MEETLAT_TIMEZONE", ["Nowhere/Land", "../etc"]),
    ],
)
def test_a_value_that_does_not_fit_names_its_setting_and_what_it_means(
    name: str, bad: list[str]
) -> None:
    meaning = next(setting.meaning for setting in SETTINGS if setting.env == name)
    for text in bad:
        with pytest.raises(SettingError) as caught:
            Settings({name: text})
        assert name in str(caught.value), text
        assert caught.value.remedy == meaning


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        (COLLECTOR_LISTEN, "0.0.0.0:80", ("0.0.0.0", 80)),
        (COLLECTOR_LISTEN, "[::1]:80", ("::1", 80)),
        (DATA, "some/where", Path("some/where")),
        (TIMEZONE, "Europe/Amsterdam", "Europe/Amsterdam"),
        (POISON_SHARE, "1", 1.0),
    ],
)
def test_text_is_read_as_what_it_means(setting: Any, text: str, value: object) -> None:
    assert Settings({setting.env: text})[setting] == value


def test_the_log_lies_in_the_data_directory_unless_said() -> None:
    assert Settings({"MEETLAT_DATA": "d"}).log == "embedded:d/log"
    assert Settings({"MEETLAT_DATA": "d", "MEETLAT_LOG": "kafka://h:1"}).log == "kafka://h:1"


SECRETS = [setting for setting in SETTINGS if setting.secret]


def test_what_sounds_secret_is_secret() -> None:
    loud = ("PASSWORD", "API_KEY", "PSEUDONYM_KEY", "TOKEN", "SECRET")
    assert {setting.env for setting in SETTINGS if setting.env.endswith(loud)} == {
        setting.env for setting in SECRETS
    }


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.env)
def test_a_secret_never_shows(setting: Any) -> None:
    settings = Settings({setting.env: SECRET})
    value = settings[setting]
    shown = [repr(settings), str(settings), repr(value), str(value), f"{value}", f"{value!s:>20}"]
    assert not any(SECRET in text for text in shown)
    assert value.reveal() == SECRET


def test_a_secret_in_a_wrong_file_does_not_show(toml: Path) -> None:
    toml.write_text(f"[settings]\npseudonym_key = ['{SECRET}']\n")
    with pytest.raises(SettingError) as caught:
        Settings({}, file=toml)
    assert SECRET not in str(caught.value)


def test_secrets_compare_by_value_and_an_empty_one_is_false() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a")
    assert not Secret("")
    assert Settings({}, overrides={PSEUDONYM_KEY.env: Secret("a")})[PSEUDONYM_KEY] == Secret("a")


def test_every_setting_has_a_name_of_its_own_in_the_environment_and_the_file() -> None:
    assert len({setting.env for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.env == "MEETLAT_" + setting.key.upper()
