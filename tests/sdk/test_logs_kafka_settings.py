"""Kafka's security settings: passed through, checked together, and never shown."""

from __future__ import annotations

import ssl

import pytest

from meetlat.errors import SettingError
from meetlat.logs.kafka import connection_options
from meetlat.settings import Settings

SASL = {
    "MEETLAT_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "MEETLAT_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "MEETLAT_KAFKA_SASL_USERNAME": "meetlat",
    "MEETLAT_KAFKA_SASL_PASSWORD": "hunter2-secret",
}


def test_without_settings_the_connection_is_plain() -> None:
    options = connection_options(Settings({}))
    assert options["security_protocol"] == "PLAINTEXT"
    assert not any("sasl" in name or "ssl" in name for name in options)


def test_sasl_settings_pass_through() -> None:
    options = connection_options(Settings(SASL))
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "meetlat"
    assert options["sasl_plain_password"] == "hunter2-secret"


def test_tls_checks_the_certificate_and_the_host_name() -> None:
    options = connection_options(Settings({"MEETLAT_KAFKA_SECURITY_PROTOCOL": "ssl"}))
    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"MEETLAT_KAFKA_SECURITY_PROTOCOL": "TLS"}, "MEETLAT_KAFKA_SECURITY_PROTOCOL: 'TLS'"),
        ({"MEETLAT_KAFKA_SASL_MECHANISM": "GSSAPI"}, "MEETLAT_KAFKA_SASL_MECHANISM: 'GSSAPI'"),
        ({"MEETLAT_KAFKA_SASL_MECHANISM": ""}, "MEETLAT_KAFKA_SASL_MECHANISM"),
        ({"MEETLAT_KAFKA_SASL_USERNAME": ""}, "MEETLAT_KAFKA_SASL_USERNAME is empty"),
        ({"MEETLAT_KAFKA_SASL_PASSWORD": ""}, "MEETLAT_KAFKA_SASL_PASSWORD is empty"),
        ({"MEETLAT_KAFKA_SECURITY_PROTOCOL": ""}, "MEETLAT_KAFKA_SASL_USERNAME is set, but"),
        ({"MEETLAT_KAFKA_SSL_CAFILE": "ca.pem"}, "MEETLAT_KAFKA_SSL_CAFILE is set, but"),
        (
            {
                "MEETLAT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "MEETLAT_KAFKA_SSL_CAFILE": "/nowhere/ca.pem",
            },
            "MEETLAT_KAFKA_SSL_CAFILE: cannot use /nowhere/ca.pem",
        ),
        (
            {
                "MEETLAT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "MEETLAT_KAFKA_SSL_CERTFILE": "/nowhere/client.pem",
            },
            "MEETLAT_KAFKA_SSL_CERTFILE and MEETLAT_KAFKA_SSL_KEYFILE belong together",
        ),
        (
            {
                "MEETLAT_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "MEETLAT_KAFKA_SSL_CERTFILE": "/nowhere/client.pem",
                "MEETLAT_KAFKA_SSL_KEYFILE": "/nowhere/key.pem",
                "MEETLAT_KAFKA_SSL_PASSWORD": "hunter2-secret",
            },
            "MEETLAT_KAFKA_SSL_CERTFILE: cannot use /nowhere/client.pem",
        ),
    ],
)
def test_settings_that_do_not_fit_are_an_error_that_names_them_and_no_secret(
    changed: dict[str, str], named: str
) -> None:
    settings = Settings({**SASL, **changed})
    with pytest.raises(SettingError) as caught:
        connection_options(settings)
    assert named in caught.value.message
    assert caught.value.remedy
    assert "hunter2" not in f"{caught.value} {caught.value!r} {settings!r}"
