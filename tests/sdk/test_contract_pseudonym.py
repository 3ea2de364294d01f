"""Pseudonyms: the same person with the same key, never back without it, and a key file for one."""

from __future__ import annotations

import hashlib
import hmac
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import event

from meetlat.contract.envelope import RefusedError, read_event
from meetlat.contract.pseudonym import ensure_key, is_pseudonym, pseudonym

KEY = "0123456789abcdef"
identifiers = st.text(min_size=1).filter(lambda text: text.strip() != "")


def test_it_is_u_and_the_first_128_bits_of_hmac_sha_256() -> None:
    expected = hmac.new(KEY.encode(), b"ann@example.com", hashlib.sha256).hexdigest()[:32]
    assert pseudonym("ann@example.com", KEY) == f"u_{expected}"


@given(identifiers, st.sampled_from(["", " ", "\t", "\n "]))
def test_spaces_around_make_no_other_person(identifier: str, space: str) -> None:
    assert pseudonym(space + identifier + space, KEY) == pseudonym(identifier, KEY)


@given(st.text(st.characters(codec="ascii", categories=["Lu", "Ll"]), min_size=1))
def test_case_makes_no_other_person(identifier: str) -> None:
    assert pseudonym(identifier.upper(), KEY) == pseudonym(identifier.lower(), KEY)


@given(identifiers, st.text(min_size=16, max_size=40).filter(lambda key: key != KEY))
def test_another_key_makes_another_pseudonym(identifier: str, key: str) -> None:
    assert pseudonym(identifier, key) != pseudonym(identifier, KEY)


@given(st.sets(st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1), min_size=2))
def test_different_people_get_different_pseudonyms(people: set[str]) -> None:
    assert len({pseudonym(person, KEY) for person in people}) == len(people)


@given(identifiers, st.none() | st.from_regex("[a-z0-9]{1,8}", fullmatch=True))
def test_what_is_made_has_the_form_that_the_contract_takes(
    identifier: str, key_id: str | None
) -> None:
    made = pseudonym(identifier, KEY, key_id)
    assert is_pseudonym(made)
    read = read_event(event(user=made))
    assert read.data is not None
    assert read.data.user == made
    if key_id is not None:
        assert made.startswith(f"u_{key_id}_")


@pytest.mark.parametrize(
    "plain",
    [
        "ann",
        "ann@example.com",
        "u_ann",
        "u_" + "0" * 31,
        "u_" + "0" * 33,
        "u_" + "G" * 32,
        "u_" + "A" * 32,
        "U_" + "0" * 32,
        "u_toolongkeyid_" + "0" * 32,
        "u_" + "0" * 32 + "\n",
    ],
)
def test_a_plain_user_is_refused_and_not_shown(plain: str) -> None:
    assert not is_pseudonym(plain)
    with pytest.raises(RefusedError) as caught:
        read_event(event(user=plain))
    assert caught.value.field == "data.user"
    assert plain not in caught.value.reason


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_identifier_is_nobody(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        pseudonym(blank, KEY)


def test_a_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="shorter than 16") as caught:
        pseudonym("ann", "tooshort")
    assert "tooshort" not in str(caught.value)


@pytest.mark.parametrize("key_id", ["", "A", "has space", "ninechars", "a_b"])
def test_a_key_id_is_one_to_eight_lower_case_letters_or_digits(key_id: str) -> None:
    with pytest.raises(ValueError, match="key id"):
        pseudonym("ann", KEY, key_id)


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    key = ensure_key(path)
    assert len(key) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_key(path) == key
    assert [entry.name for entry in tmp_path.iterdir()] == ["pseudonym.key"]


def test_two_key_files_hold_different_keys(tmp_path: Path) -> None:
    assert ensure_key(tmp_path / "a") != ensure_key(tmp_path / "b")


def test_an_existing_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_text("  the company's own key \n")
    assert ensure_key(path) == "the company's own key"
    assert path.read_text() == "  the company's own key \n"


def test_all_that_make_the_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    for attempt in range(20):
        path = tmp_path / f"{attempt}.key"
        barrier = threading.Barrier(8)
        keys: list[str] = []

        def make(path: Path = path, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            keys.append(ensure_key(path))  # noqa: B023 - joined before the next round

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(keys) == 8
        assert set(keys) == {path.read_text().strip()}
    assert all(entry.suffix == ".key" and entry.name[0] != "." for entry in tmp_path.iterdir())
