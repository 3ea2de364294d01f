"""Reads the package's `.sql` files, where an analyst can read them too."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of `sql/NAME.sql`. Raises FileNotFoundError when the package lacks it."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text()


@cache
def sql_names(folder: str) -> tuple[str, ...]:
    """The names of the files in `sql/FOLDER`, sorted, without their ending."""
    found = (files(__package__) / "sql" / folder).iterdir()
    return tuple(sorted(item.name.removesuffix(".sql") for item in found))
