"""Rules of the event contract that no other test names."""

from __future__ import annotations

import pytest
from support.events import encode, envelope

from meetlat.contract.envelope import RefusedError, read_event


def test_an_error_is_one_short_line_whatever_key_a_map_has() -> None:
    key = "typo\n2026-03-02 ERROR forged \x1b[31m" + "x" * 100_000
    value = encode(envelope("task", data={"process": "quote", "error_kinds": {key: 1}}))
    with pytest.raises(RefusedError) as refused:
        read_event(value)
    text = str(refused.value)
    assert text.startswith("data.error_kinds.typo\ufffd2026-03-02 ERROR forged \ufffd[31m")
    assert not any(ord(character) < 32 for character in text)
    assert len(text) < 300
