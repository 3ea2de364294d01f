"""Opens files of rows: what `replay` and `import` share of reading CSV, gzip and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from meetlat.errors import MeetlatError

LARGEST_CELL = 1 << 20
T = TypeVar("T")


class Content(NamedTuple):
    """The bytes of a file, unpacked. `tell` says how much of the file itself is read."""

    size: int
    bytes: IO[bytes] | gzip.GzipFile
    tell: Callable[[], int]


def kind_of(name: str) -> tuple[str, bool]:
    """A file's extension, lower case, without `.gz`; and whether it had that."""
    file = Path(name).name
    plain = file.removesuffix(".gz")
    return plain.rpartition(".")[2].lower() if "." in plain else "", plain != file


@contextmanager
def open_content(name: str) -> Iterator[Content]:
    """Open a file, unpacked when it ends in `.gz`. Raises MeetlatError when it cannot be read."""
    path = Path(name)
    try:
        file = path.open("rb")
    except OSError as error:
        raise unreadable(name, error) from None
    with file:
        content = gzip.GzipFile(fileobj=file) if kind_of(name)[1] else file
        yield Content(path.stat().st_size, content, file.tell)


def unreadable(name: str, error: OSError) -> MeetlatError:
    """The error of a file that cannot be read."""
    reason = error.strerror or str(error)
    return MeetlatError(f"cannot read {name}: {reason}", remedy="check the path and its rights")


def told(
    name: str,
    rows: Iterator[T],
    again: str = "",
    encoding: str = "UTF-8",
    letters: str = "convert it to UTF-8",
) -> Iterator[T]:
    """The rows; what goes wrong while they are read becomes an error for people.

    `again` says what to do with a whole copy of a damaged file, `letters` with one in another
    encoding.
    """
    try:
        yield from rows
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise MeetlatError(
            f"{name} is damaged: {error}", remedy=f"get a whole copy{again}"
        ) from None
    except UnicodeError:
        word = encoding.upper().removesuffix("-SIG")
        raise MeetlatError(f"{name} is not text in {word}", remedy=letters) from None
    except csv.Error as error:
        raise MeetlatError(
            f"{name} is no CSV in {encoding}: {error}", remedy="convert it"
        ) from None
    except OSError as error:
        raise unreadable(name, error) from None


def csv_rows(
    content: IO[bytes] | gzip.GzipFile, *, delimiter: str = ",", encoding: str = "utf-8-sig"
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, the heading first, each with its line from 1; no blank lines."""
    csv.field_size_limit(LARGEST_CELL)
    with io.TextIOWrapper(content, encoding=encoding, newline="") as text:
        reader = csv.reader(text, strict=True, delimiter=delimiter)
        start = 1
        try:
            for cells in reader:
                if cells:
                    yield start, cells
                start = reader.line_num + 1
        except csv.Error as error:
            raise csv.Error(f"line {start}: {error}") from None


def open_parquet(name: str, file: IO[bytes]) -> Any:
    """A `pyarrow.parquet.ParquetFile`. Raises MeetlatError without pyarrow, or for another file."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise MeetlatError(
            "reading Parquet needs pyarrow, which is not installed",
            remedy="install meetlat[server]",
        ) from None
    try:
        return pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise MeetlatError(f"{name} is no Parquet file: {error}", remedy="convert it") from None


def check_twice(names: list[str]) -> None:
    """Raise MeetlatError when two columns have the same name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MeetlatError(f"there are two columns {name}", remedy="rename or remove one")
        seen.add(name)
