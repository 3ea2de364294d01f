"""A Kafka topic: made when it is missing, and told apart from one that was made anew."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from meetlat.settings import LOG_RETENTION_DAYS, TOPIC_PARTITIONS, Settings

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
_DAY_MS = 86_400_000


async def ensure_topic(servers: str, options: Mapping[str, Any], topic: str, cfg: Settings) -> None:
    """Create the topic when it is missing. Raises KafkaError, OSError or TimeoutError.

    With three brokers or more: three replicas, of which two have to acknowledge.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, **options)
    try:
        await admin.start()
        if topic in await admin.list_topics():
            return
        brokers = len((await admin.describe_cluster())["brokers"])
        copies, in_sync = (3, 2) if brokers >= 3 else (1, 1)
        configs = {
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(in_sync),
            "retention.ms": str(int(cfg[LOG_RETENTION_DAYS] * _DAY_MS)),
            "max.message.bytes": str(MAX_MESSAGE_BYTES),
        }
        wanted = NewTopic(topic, cfg[TOPIC_PARTITIONS], copies, topic_configs=configs)
        answer = await admin.create_topics([wanted])
        for name, code, *reason in answer.topic_errors:
            error: type[KafkaError] = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"topic {name} cannot be created: {reason[0] if reason else code}")
    finally:
        await admin.close()


async def topic_identity(servers: str, options: Mapping[str, Any], topic: str) -> str | None:
    """Cluster id and topic id: a topic that was deleted and made anew has another one.

    None when there is no such topic. Raises KafkaError, OSError or TimeoutError.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, **options)
    try:
        await admin.start()
        # aiokafka itself asks for metadata without topic ids, so this asks in a newer version.
        answer = (await admin._send_request(_TopicIds(topic))).to_object()
    finally:
        await admin.close()
    for found in answer["topics"]:
        if found["error_code"] == 0:
            return f"{answer['cluster_id']}/{found['topic_id']}"
    return None


class _Uuid:
    """The protocol's type of 16 bytes, which aiokafka does not have."""

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))

    @classmethod
    def repr(cls, value: uuid.UUID) -> str:
        return str(value)


class _MetadataResponse(Response):  # type: ignore[misc]
    """Metadata answer, version 10 (Kafka 2.8 and newer)."""

    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc]
    """Metadata request, version 10."""

    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicIds(Request[_MetadataRequest]):  # type: ignore[misc]
    """Asks for the id of one topic."""

    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataRequest]) -> _MetadataRequest:
        named: tuple[uuid.UUID, str, dict[int, bytes]] = (uuid.UUID(int=0), self._topic, {})
        return request_struct_class([named], False, False, False, {})
