"""Every setting of the SDK and the services in one typed catalogue, which is also their page.

A setting comes from the environment (`MEETLAT_…`), else from `[settings]` in `meetlat.toml` (in
the working directory, or where MEETLAT_CONFIG points), else it has its default. `docs/settings.md`
is generated from this catalogue.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from meetlat.errors import SettingError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One setting: its environment name, how its text is read, its default and what it means."""

    env: str
    read: Callable[[str], T]
    default: T
    meaning: str
    used_by: str
    secret: bool = False

    @property
    def key(self) -> str:
        """Its name in `[settings]` of `meetlat.toml`."""
        return self.env.removeprefix("MEETLAT_").lower()


class Secret:
    """A value that never shows itself: not in logs, errors or reprs. `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)" if self._value else "Secret(empty)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def _boolean(text: str) -> bool:
    folded = text.strip().lower()
    if folded in ("1", "true", "yes", "on"):
        return True
    if folded in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("is not true or false")


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError("is not a whole number") from None
    if number < 0:
        raise ValueError("is below 0")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is not a number") from None


def _positive(text: str) -> float:
    number = _number(text)
    if not 0 < number < float("inf"):
        raise ValueError("is not a number above 0")
    return number


def _share(text: str) -> float:
    number = _number(text)
    if not 0 < number <= 1:
        raise ValueError("is not a share above 0, at most 1")
    return number


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("is not HOST:PORT")
    return host.strip("[]"), int(port)


def _timezone(text: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not text:
        return text
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone name, as Europe/Amsterdam") from None
    return text


_catalogue: list[Setting[Any]] = []


def _setting(
    env: str, read: Callable[[str], T], default: T, used_by: str, meaning: str
) -> Setting[T]:
    made = Setting(env, read, default, meaning, used_by, secret=read is Secret)
    _catalogue.append(made)
    return made


# --- the SDK
ENDPOINT = _setting(
    "MEETLAT_ENDPOINT", str, "http://localhost:4318", "sdk",
    "Where the SDK sends: `http://…` (a collector), `kafka://host:9092,…` or `embedded:DIR`",
)  # fmt: skip
SOURCE = _setting(
    "MEETLAT_SOURCE", str, "", "sdk",
    "Which program this is, as `/shop/chat-backend`; default: the program's name on this host",
)  # fmt: skip
ENVIRONMENT = _setting(
    "MEETLAT_ENVIRONMENT", str, "production", "sdk",
    "Environment of every event; others than `production` never count in a KPI",
)  # fmt: skip
USE_CASE = _setting("MEETLAT_USE_CASE", str, "", "sdk", "Use case of events that name none")
TEAM = _setting("MEETLAT_TEAM", str, "", "sdk", "Team of events that name none")
PSEUDONYM_KEY = _setting(
    "MEETLAT_PSEUDONYM_KEY", Secret, Secret(""), "sdk and collector",
    "The company's key for user pseudonyms, at least 16 characters. Without it the SDK drops "
    "`user`, and the collector refuses a plain one",
)  # fmt: skip
PSEUDONYM_KEY_ID = _setting(
    "MEETLAT_PSEUDONYM_KEY_ID", str, "", "sdk and collector",
    "Names the key inside the pseudonyms, for rotation: one to eight lower-case letters or digits",
)  # fmt: skip
API_KEY = _setting(
    "MEETLAT_API_KEY", Secret, Secret(""), "sdk",
    "Sent to the collector as a bearer token when set",
)  # fmt: skip
MODE = _setting(
    "MEETLAT_MODE", str, "send", "sdk",
    "`send`; `off` measures nothing; `capture` keeps events in memory, for tests",
)  # fmt: skip
QUEUE_EVENTS = _setting(
    "MEETLAT_QUEUE_EVENTS", _whole, 100_000, "sdk",
    "Events held in memory before new ones are dropped and counted",
)  # fmt: skip
SPOOL = _setting(
    "MEETLAT_SPOOL", str, "", "sdk",
    "Directory for events that could not be sent; default: in the user's cache directory",
)  # fmt: skip
SPOOL_BYTES = _setting(
    "MEETLAT_SPOOL_BYTES", _whole, 100_000_000, "sdk",
    "Cap of the spool; beyond it the oldest are dropped and counted",
)  # fmt: skip
LINGER_SECONDS = _setting(
    "MEETLAT_LINGER_SECONDS", _positive, 0.5, "sdk",
    "How long an event may wait in memory for others to share a request",
)  # fmt: skip
SEND_TIMEOUT_SECONDS = _setting(
    "MEETLAT_SEND_TIMEOUT_SECONDS", _positive, 10.0, "sdk",
    "How long one attempt to send may take before the batch is spooled",
)  # fmt: skip
# --- both services
LOG = _setting(
    "MEETLAT_LOG", str, "", "services",
    "The event log: `embedded:DIR` (default: `embedded:` and the data directory + `/log`) or "
    "`kafka://host:9092,host2:9092`",
)  # fmt: skip
DATA = _setting(
    "MEETLAT_DATA", Path, Path("meetlat-data"), "services",
    "Directory for the database, the archive, the published tables and the embedded log",
)  # fmt: skip
EVENTS_TOPIC = _setting(
    "MEETLAT_EVENTS_TOPIC", str, "meetlat.events.v1", "sdk and services", "Topic of the events"
)
DEAD_TOPIC = _setting(
    "MEETLAT_DEAD_TOPIC", str, "meetlat.dead.v1", "services", "Topic of the dead letters"
)
TOPIC_PARTITIONS = _setting(
    "MEETLAT_TOPIC_PARTITIONS", _whole, 12, "services", "Partitions of a topic that is created"
)
LOG_RETENTION_DAYS = _setting(
    "MEETLAT_LOG_RETENTION_DAYS", _positive, 14.0, "services",
    "How long the log keeps events (embedded: those that were read; Kafka: of a created topic)",
)  # fmt: skip
KAFKA_SECURITY_PROTOCOL = _setting(
    "MEETLAT_KAFKA_SECURITY_PROTOCOL", str, "", "sdk and services",
    "`PLAINTEXT` (default), `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`",
)  # fmt: skip
KAFKA_SASL_MECHANISM = _setting(
    "MEETLAT_KAFKA_SASL_MECHANISM", str, "", "sdk and services",
    "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`",
)  # fmt: skip
KAFKA_SASL_USERNAME = _setting(
    "MEETLAT_KAFKA_SASL_USERNAME", str, "", "sdk and services", "User name for SASL"
)
KAFKA_SASL_PASSWORD = _setting(
    "MEETLAT_KAFKA_SASL_PASSWORD", Secret, Secret(""), "sdk and services", "Password for SASL"
)
KAFKA_SSL_CAFILE = _setting(
    "MEETLAT_KAFKA_SSL_CAFILE", str, "", "sdk and services", "PEM file of the authority to trust"
)
KAFKA_SSL_CERTFILE = _setting(
    "MEETLAT_KAFKA_SSL_CERTFILE", str, "", "sdk and services", "PEM file of the client certificate"
)
KAFKA_SSL_KEYFILE = _setting(
    "MEETLAT_KAFKA_SSL_KEYFILE", str, "", "sdk and services", "PEM file of the client's key"
)
KAFKA_SSL_PASSWORD = _setting(
    "MEETLAT_KAFKA_SSL_PASSWORD", Secret, Secret(""), "sdk and services",
    "Password of the client's key",
)  # fmt: skip
LOG_LEVEL = _setting(
    "MEETLAT_LOG_LEVEL", str, "INFO", "services", "`DEBUG`, `INFO`, `WARNING` or `ERROR`"
)
# --- the collector
COLLECTOR_LISTEN = _setting(
    "MEETLAT_COLLECTOR_LISTEN", _address, ("127.0.0.1", 4318), "collector", "HOST:PORT to listen on"
)
COLLECTOR_EXPOSE = _setting(
    "MEETLAT_COLLECTOR_EXPOSE", _boolean, False, "collector",
    "Allows listening on other addresses than loopback while there are no API keys",
)  # fmt: skip
MAX_BODY_BYTES = _setting(
    "MEETLAT_MAX_BODY_BYTES", _whole, 8_000_000, "collector",
    "Largest request body, before and after decompression",
)  # fmt: skip
MAX_WAITING_BYTES = _setting(
    "MEETLAT_MAX_WAITING_BYTES", _whole, 64_000_000, "collector",
    "Request bodies held in memory, all together; beyond it senders are told to wait (429)",
)  # fmt: skip
# --- the aggregator
AGGREGATOR_LISTEN = _setting(
    "MEETLAT_AGGREGATOR_LISTEN", _address, ("127.0.0.1", 9464), "aggregator",
    "HOST:PORT to listen on",
)  # fmt: skip
KAFKA_GROUP = _setting(
    "MEETLAT_KAFKA_GROUP", str, "meetlat-aggregator", "aggregator", "Kafka consumer group"
)
BATCH_EVENTS = _setting(
    "MEETLAT_BATCH_EVENTS", _whole, 20_000, "aggregator", "Most events in one transaction"
)
BATCH_SECONDS = _setting(
    "MEETLAT_BATCH_SECONDS", _positive, 0.5, "aggregator",
    "How long a batch may wait for more events",
)  # fmt: skip
PUBLISH_SECONDS = _setting(
    "MEETLAT_PUBLISH_SECONDS", _positive, 3.0, "aggregator",
    "Least time between two publications of `kpi.duckdb`",
)  # fmt: skip
DEDUP_DAYS = _setting(
    "MEETLAT_DEDUP_DAYS", _positive, 7.0, "aggregator",
    "How late an event may be and still count; as long its id is remembered",
)  # fmt: skip
POISON_WINDOW = _setting(
    "MEETLAT_POISON_WINDOW", _whole, 1000, "aggregator",
    "Over how many last records the share of bad ones is judged",
)  # fmt: skip
POISON_SHARE = _setting(
    "MEETLAT_POISON_SHARE", _share, 0.5, "aggregator",
    "Above this share of bad records the aggregator stops rather than drain the topic",
)  # fmt: skip
PRIVACY_LIMIT = _setting(
    "MEETLAT_PRIVACY_LIMIT", _whole, 5, "aggregator",
    "Nothing about fewer people than this is published; at least 5",
)  # fmt: skip
TIMEZONE = _setting(
    "MEETLAT_TIMEZONE", _timezone, "", "aggregator",
    "Time zone in which days and weeks of the published tables are made; default: the plan's "
    "`company.timezone`, without one UTC",
)  # fmt: skip
MEMORY = _setting("MEETLAT_MEMORY", str, "96MB", "aggregator", "DuckDB's memory limit")

CONFIG_ENV = "MEETLAT_CONFIG"
CONFIG_FILE = "meetlat.toml"
SETTINGS: tuple[Setting[Any], ...] = tuple(_catalogue)


class Settings:
    """The settings in force: `settings[LOG]`.

    `environ` and `overrides` (by environment name) are passed in; overrides win over all. Raises
    SettingError for a file that cannot be read, an unknown key in it, or a value that does not fit.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        file: Path | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        overrides = overrides or {}
        named = file or (Path(environ[CONFIG_ENV]) if environ.get(CONFIG_ENV) else None)
        self._file = named or Path(CONFIG_FILE)
        table = _read_table(self._file, must_exist=named is not None)
        self._values: dict[str, Any] = {}
        for setting in SETTINGS:
            if setting.env in overrides:
                self._values[setting.env] = _parse(setting, overrides[setting.env], setting.env)
            elif setting.env in environ:
                self._values[setting.env] = _parse(setting, environ[setting.env], setting.env)
            elif setting.key in table:
                where = f"settings.{setting.key} in meetlat.toml"
                self._values[setting.env] = _parse(setting, table[setting.key], where)
            else:
                self._values[setting.env] = setting.default

    def __getitem__(self, setting: Setting[T]) -> T:
        value: T = self._values[setting.env]
        return value

    @property
    def file(self) -> Path:
        """`meetlat.toml`, which holds the plan too; it need not be there."""
        return self._file

    @property
    def log(self) -> str:
        """The log's address, with the default that depends on the data directory."""
        return self[LOG] or f"embedded:{self[DATA] / 'log'}"

    def __repr__(self) -> str:
        shown = {k: v for k, v in self._values.items() if v != _DEFAULTS[k]}
        return f"Settings({shown!r})"


_DEFAULTS = {setting.env: setting.default for setting in SETTINGS}


def _read_table(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            table = tomllib.load(file).get("settings", {})
    except FileNotFoundError:
        if must_exist:
            raise SettingError(
                f"{path} does not exist", remedy=f"make it, or unset {CONFIG_ENV}"
            ) from None
        return {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"cannot read {path}: {error}", remedy="mend the file") from None
    if not isinstance(table, dict):
        raise SettingError(f"`settings` in {path} is not a table", remedy="write [settings]")
    unknown = sorted(set(table) - {setting.key for setting in SETTINGS})
    if unknown:
        raise SettingError(
            f"unknown setting {unknown[0]!r} in [settings] of {path}",
            remedy="docs/settings.md lists them all",
        )
    return table


def _parse(setting: Setting[T], given: Any, where: str) -> T:
    if isinstance(given, Secret):
        given = given.reveal()
    if isinstance(given, bool):
        given = str(given).lower()
    try:
        if isinstance(given, str | int | float):
            return setting.read(str(given))
        if isinstance(given, Path):
            return setting.read(str(given))
    except ValueError as error:
        shown = "the value" if setting.secret else repr(str(given))
        reason = str(error)
        reason = reason if reason.startswith("is ") else f"does not fit ({reason})"
        raise SettingError(f"{where}: {shown} {reason}", remedy=setting.meaning) from None
    raise SettingError(f"{where}: is not text or a number", remedy=setting.meaning)
