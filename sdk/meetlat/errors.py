"""Errors that a person reads: what, where, what to do, and whether retrying helps."""

from __future__ import annotations


class MeetlatError(Exception):
    """A fault with its remedy. Shown as one line, without a traceback.

    `retry` says whether the same call may succeed later by itself.
    """

    def __init__(self, message: str, *, remedy: str = "", retry: bool = False) -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy
        self.retry = retry


class SettingError(MeetlatError):
    """A setting is missing or cannot be read."""


class LogError(MeetlatError):
    """The log (Kafka or embedded) cannot do what was asked."""


class DataLossError(LogError):
    """The log no longer holds what a stored offset points at: somebody has to decide."""
