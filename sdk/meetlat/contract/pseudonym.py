"""Keyed pseudonyms: a plain address or name never leaves the SDK.

The same person gets the same pseudonym with the same key, whatever the case or the spaces around
their identifier; without the key nobody can go back. HMAC-SHA-256 (RFC 2104), first 128 bits.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path

_PSEUDONYM = re.compile(r"u_([a-z0-9]{1,8}_)?[0-9a-f]{32}")
_KEY_ID = re.compile(r"[a-z0-9]{1,8}")


def pseudonym(identifier: str, key: str, key_id: str | None = None) -> str:
    """The pseudonym of a person: `u_` (and `key_id` + `_`) and 32 hex digits.

    Raises ValueError when the identifier is blank, the key shorter than 16 characters, or the key
    id is not one to eight lower-case letters or digits.
    """
    folded = identifier.strip().casefold()
    if not folded:
        raise ValueError("the user identifier is blank")
    if len(key) < 16:
        raise ValueError("the pseudonym key is shorter than 16 characters; make a longer one")
    prefix = "u_"
    if key_id is not None:
        if not _KEY_ID.fullmatch(key_id):
            raise ValueError(f"key id {key_id!r} is not one to eight lower-case letters or digits")
        prefix = f"u_{key_id}_"
    return prefix + hmac.digest(key.encode(), folded.encode(), "sha256")[:16].hex()


def is_pseudonym(text: str) -> bool:
    """True when the text has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None


def ensure_key(path: Path) -> str:
    """The key in the file at `path`; made on first use, readable by its owner only.

    Of several that make it at once, one wins and all get its key. Raises OSError when the file
    can be neither read nor made.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        key = secrets.token_hex(32)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode from the first moment on
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)  # unlike a rename, never replaces a key that others use already
    except FileExistsError:
        return path.read_text().strip()
    finally:
        draft.unlink()
    return key
