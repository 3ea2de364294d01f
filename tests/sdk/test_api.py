"""What users import is what the committed snapshot says; a change is made on purpose."""

from __future__ import annotations

import types

from support import api

import meetlat


def test_the_public_names_and_signatures_are_those_of_the_snapshot() -> None:
    assert api.render() == api.SNAPSHOT.read_text(), "changed on purpose? then run: make api"


def test_the_root_holds_its_public_names_and_nothing_else() -> None:
    public = {
        name
        for name, value in vars(meetlat).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(meetlat.__all__) - {"annotations"} == set()


def test_every_public_name_says_what_it_does() -> None:
    for name in meetlat.__all__:
        assert getattr(meetlat, name).__doc__, name
