"""How Kafka is reached and let go: the settings as arguments of aiokafka, its errors in words, the
end of a client.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.helpers import create_ssl_context

from meetlat.errors import LogError, SettingError
from meetlat.settings import (
    KAFKA_SASL_MECHANISM,
    KAFKA_SASL_PASSWORD,
    KAFKA_SASL_USERNAME,
    KAFKA_SECURITY_PROTOCOL,
    KAFKA_SSL_CAFILE,
    KAFKA_SSL_CERTFILE,
    KAFKA_SSL_KEYFILE,
    KAFKA_SSL_PASSWORD,
    Setting,
    Settings,
)

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
REQUEST_SECONDS = 10.0
START_SECONDS = 20.0
FAULTS = (KafkaError, OSError, TimeoutError)
_SASL_REFUSALS = (33, 34, 58)  # Kafka's error codes: mechanism, state, authentication
_log = logging.getLogger("meetlat.logs")


def connection_options(settings: Settings) -> dict[str, Any]:
    """Arguments for any client of aiokafka, all but `bootstrap_servers`.

    Raises SettingError, without secrets, for settings that do not fit together.
    """
    protocol = settings[KAFKA_SECURITY_PROTOCOL].upper() or "PLAINTEXT"
    _one_of(KAFKA_SECURITY_PROTOCOL, protocol, PROTOCOLS)
    options: dict[str, Any] = {
        "security_protocol": protocol,
        "request_timeout_ms": int(REQUEST_SECONDS * 1000),
    }
    if "SSL" in protocol:
        options["ssl_context"] = _tls(settings)
    else:
        for setting in (KAFKA_SSL_CAFILE, KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE):
            _unused(setting, settings[setting], protocol)
    if protocol.startswith("SASL"):
        mechanism = settings[KAFKA_SASL_MECHANISM].upper()
        _one_of(KAFKA_SASL_MECHANISM, mechanism, MECHANISMS)
        for env, given in (
            (KAFKA_SASL_USERNAME.env, settings[KAFKA_SASL_USERNAME]),
            (KAFKA_SASL_PASSWORD.env, settings[KAFKA_SASL_PASSWORD]),
        ):
            if not given:
                raise SettingError(
                    f"{env} is empty, but {KAFKA_SECURITY_PROTOCOL.env} is {protocol}",
                    remedy="set it",
                )
        # At DEBUG aiokafka logs what it sends, and so the password.
        logging.getLogger("aiokafka.conn").addFilter(_above_debug)
        options["sasl_mechanism"] = mechanism
        options["sasl_plain_username"] = settings[KAFKA_SASL_USERNAME]
        options["sasl_plain_password"] = settings[KAFKA_SASL_PASSWORD].reveal()
    else:
        # A password that is given and silently not used means a connection less safe than meant.
        _unused(KAFKA_SASL_USERNAME, settings[KAFKA_SASL_USERNAME], protocol)
    return options


def fault(error: Exception, servers: str, doing: str) -> LogError:
    """An error of aiokafka in words: what failed, where, what to do, whether it may heal."""
    reason = str(error) or type(error).__name__
    where = f"Kafka at {servers}: {doing} failed"
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return LogError(f"{where}: no answer in time", remedy="it is tried again", retry=True)
    if isinstance(error, AuthenticationFailedError | AuthenticationMethodNotSupported) or (
        getattr(error, "errno", None) in _SASL_REFUSALS
    ):
        return LogError(f"{where}: {reason}", remedy="check the MEETLAT_KAFKA_SASL_… settings")
    if isinstance(error, ssl.SSLCertVerificationError):
        return LogError(f"{where}: {reason}", remedy="check MEETLAT_KAFKA_SSL_CAFILE")
    if isinstance(
        error,
        TopicAuthorizationFailedError
        | GroupAuthorizationFailedError
        | ClusterAuthorizationFailedError,
    ):
        return LogError(f"{where}: {reason}", remedy="grant this user the right, in Kafka's ACLs")
    if isinstance(error, MessageSizeTooLargeError):
        return LogError(f"{where}: {reason}", remedy="raise the topic's max.message.bytes to 2 MiB")
    if isinstance(error, KafkaConnectionError | OSError):
        return LogError(
            f"{where}: {reason}",
            remedy="start Kafka, or check the address and the MEETLAT_KAFKA_… settings",
            retry=True,
        )
    retry = bool(getattr(error, "retriable", False))
    remedy = "it is tried again" if retry else "look into the broker's own log"
    return LogError(f"{where}: {reason}", remedy=remedy, retry=retry)


async def why_unreachable(error: Exception, servers: str, options: Mapping[str, Any]) -> Exception:
    """The reason behind "unable to bootstrap", which aiokafka keeps to itself."""
    if not isinstance(error, KafkaConnectionError):
        return error
    host, port, _ = collect_hosts(servers)[0]
    found: Exception = error
    try:
        connection = await create_conn(host, port, **options)
        connection.close()
    except (KafkaError, OSError, TimeoutError) as reason:
        found = reason
    return found


def _above_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _tls(settings: Settings) -> ssl.SSLContext:
    certificate, key = settings[KAFKA_SSL_CERTFILE], settings[KAFKA_SSL_KEYFILE]
    if bool(certificate) != bool(key):
        raise SettingError(
            f"{KAFKA_SSL_CERTFILE.env} and {KAFKA_SSL_KEYFILE.env} belong together",
            remedy="set both, or neither",
        )
    try:
        authority: ssl.SSLContext = create_ssl_context(cafile=settings[KAFKA_SSL_CAFILE] or None)
    except (OSError, ValueError) as error:
        raise _unreadable(KAFKA_SSL_CAFILE, settings[KAFKA_SSL_CAFILE], error) from None
    if certificate:
        # As a callable, so that an encrypted key without a password is an error, not a prompt.
        password = settings[KAFKA_SSL_PASSWORD].reveal
        try:
            authority.load_cert_chain(certificate, key, password)
        except (OSError, ValueError) as error:
            raise _unreadable(KAFKA_SSL_CERTFILE, f"{certificate}, {key}", error) from None
    return authority


def _unreadable(setting: Setting[str], path: str, error: Exception) -> SettingError:
    return SettingError(
        f"{setting.env}: cannot use {path}: {error}",
        remedy="name readable PEM files that belong together, and the key's password if it has one",
    )


def _one_of(setting: Setting[str], value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(f"{setting.env}: {value!r} is unknown", remedy=f"use {', '.join(known)}")


def _unused(setting: Setting[str], value: str, protocol: str) -> None:
    if value:
        raise SettingError(
            f"{setting.env} is set, but {KAFKA_SECURITY_PROTOCOL.env} is {protocol}",
            remedy="set the protocol that uses it, or unset it",
        )


async def stop(client: AIOKafkaProducer | AIOKafkaConsumer, deadline: float) -> None:
    """Stop a client in order; after the deadline, in seconds, by force."""
    try:
        async with asyncio.timeout(deadline):
            await client.stop()
    except FAULTS as error:
        _log.warning("a Kafka client did not stop in order: %r", error)
        await abandon(client)


async def abandon(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """End a client's tasks and connections without waiting for brokers.

    aiokafka has no call for this: its `stop` first sends everything, for as long as that takes,
    and a client that is merely dropped goes on trying.
    """
    client._closed = True
    if isinstance(client, AIOKafkaProducer):
        ends = [client.client.close, client._sender.close]
    else:
        ends = [client._client.close]
        if client._fetcher is not None:
            ends.append(client._fetcher.close)
    for end in ends:
        try:
            async with asyncio.timeout(1.0):
                await end()
        except Exception as error:  # noqa: BLE001 - whatever it says, this was its end
            _log.debug("a Kafka client said while it was ended: %r", error)
