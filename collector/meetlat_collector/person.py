"""Makes the pseudonym for senders that cannot, when the collector is given the company's key.

A plain name or address is replaced before anything is logged or stored; without the key such an
event is refused.
"""

from __future__ import annotations

import msgspec

from meetlat.contract.pseudonym import is_pseudonym, pseudonym
from meetlat.errors import SettingError
from meetlat.settings import PSEUDONYM_KEY, PSEUDONYM_KEY_ID, Settings

_Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(_Fields)
_text = msgspec.json.Decoder(str)


class Pseudonyms:
    """The company's key at work."""

    def __init__(self, key: str, key_id: str | None = None) -> None:
        """Raises SettingError for a key or a key id that does not do."""
        self._key = key
        self._key_id = key_id
        try:
            pseudonym("anyone", key, key_id)
        except ValueError as error:
            raise SettingError(f"{PSEUDONYM_KEY.env}: {error}") from None

    @classmethod
    def of(cls, settings: Settings) -> Pseudonyms | None:
        """With the key in the settings; None when there is none."""
        key = settings[PSEUDONYM_KEY].reveal()
        return cls(key, settings[PSEUDONYM_KEY_ID] or None) if key else None

    def replace(self, value: bytes) -> bytes | None:
        """The event with `data.user` as a pseudonym, all else byte for byte; None when its user
        is none that can be replaced.
        """
        try:
            event = _fields.decode(value)
            data = _fields.decode(event["data"])
            user = _text.decode(data["user"])
            if is_pseudonym(user):
                return None
            made = pseudonym(user, self._key, self._key_id)
        except (KeyError, ValueError, RecursionError, msgspec.DecodeError):
            return None
        data["user"] = msgspec.Raw(msgspec.json.encode(made))
        event["data"] = msgspec.Raw(msgspec.json.encode(data))
        return msgspec.json.encode(event)
