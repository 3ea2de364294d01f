"""One column of a field of the contract: how Arrow's reader is asked for it, and which rows of it
are surely what the contract takes.

The bounds are those of the fast decoder's structs. A kind of field that has no reading here fails
when it is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import inspect

from meetlat.contract.fields import EARLIEST, LATEST
from meetlat_aggregator.batch import MICROSECONDS

_EARLIEST, _LATEST = (round(t.timestamp()) * 1_000_000 for t in (EARLIEST, LATEST))

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Column:
    """One field: what the reader is asked for, and what makes sure of it."""

    name: str
    kind: pa.DataType
    required: bool
    default: Any
    sure: Callable[[pa.Array, Mask], pa.Array]

    def judge(self, array: pa.Array, sure: Mask) -> pa.Array:
        """The field's values; takes from `sure` the rows where it is not."""
        if array.null_count:
            if self.required:
                sure &= valid(array)
            if array.null_count == len(array):
                kind = self.sure(array.slice(0, 0), sure[:0]).type
                return repeated(self.default, kind, len(sure))
        array = self.sure(array, sure)
        return array if self.default is None else pc.fill_null(array, self.default)


def column_of(field: inspect.Field, pattern: str | None) -> Column:
    """The column of one field of a struct; `pattern` is what the struct leaves to others."""
    default = None if field.default is msgspec.NODEFAULT else field.default
    kind, sure = _kind(field.type, pattern)
    return Column(field.name, kind, field.required, default, sure)


def _kind(
    info: inspect.Type, pattern: str | None
) -> tuple[pa.DataType, Callable[[pa.Array, Mask], pa.Array]]:
    match info:
        case inspect.UnionType(types=types):
            return _kind(next(t for t in types if not isinstance(t, inspect.NoneType)), pattern)
        case inspect.StrType(pattern=None):
            least, most = info.min_length, info.max_length
            return pa.string(), lambda array, sure: _text(array, sure, least, most, pattern)
        case inspect.LiteralType(values=values):
            known = pa.array(values, pa.string())
            return pa.string(), lambda array, sure: _one_of(array, sure, known)
        case inspect.FloatType(
            ge=(float() | int()) as low,
            le=(float() | int()) as high,
            gt=None,
            lt=None,
            multiple_of=None,
        ):
            return pa.float64(), lambda array, sure: _number(array, sure, low, high)
        case inspect.IntType(ge=int(low), le=int(high), gt=None, lt=None, multiple_of=None):
            return pa.int64(), lambda array, sure: _number(array, sure, low, high)
        case inspect.BoolType():
            return pa.bool_(), lambda array, sure: array  # noqa: ARG005 - any will do
        case inspect.DateTimeType(tz=True):
            return pa.string(), _times
        case inspect.DictType():  # never asked for: a record that has one is read by itself
            return pa.null(), lambda array, sure: array  # noqa: ARG005
        case _:
            raise TypeError(f"no reading in columns for {info!r}; add one here")


def repeated(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    """A column of one value."""
    return pa.nulls(count, kind) if value is None else pa.repeat(pa.scalar(value, kind), count)


def valid(array: pa.Array) -> Mask:
    """Which rows are not NULL."""
    return np.array(array.is_valid())


def _lengths(array: pa.Array) -> npt.NDArray[np.int32]:
    ends = np.frombuffer(array.buffers()[1], np.int32)
    return np.diff(ends[array.offset : array.offset + len(array) + 1])


def _text(
    array: pa.Array, sure: Mask, least: int | None, most: int | None, pattern: str | None
) -> pa.Array:
    if not len(array):
        return array
    length = _lengths(array)  # in bytes: never fewer than characters
    if least and np.count_nonzero(length < least) != array.null_count:
        sure &= (length >= least) | ~valid(array)
    if most is not None and length.max() > most:
        sure &= length <= most
    if pattern is not None:
        fits = pc.match_substring_regex(array, pattern)
        if not pc.all(fits).as_py():
            sure &= np.asarray(fits.fill_null(True))
    return array


def _one_of(array: pa.Array, sure: Mask, known: pa.Array) -> pa.Array:
    fits = pc.is_in(array, known)
    if fits.true_count + array.null_count < len(array):
        sure &= np.asarray(fits) | ~valid(array)
    return array


def _number(array: pa.Array, sure: Mask, least: float, most: float) -> pa.Array:
    if len(array):
        numbers = np.frombuffer(array.buffers()[1], array.type.to_pandas_dtype())
        numbers = numbers[array.offset : array.offset + len(array)]
        fits = (numbers >= least) & (numbers <= most)  # NaN does neither
        if not fits.all():
            sure &= fits | ~valid(array)
    return array


def _times(array: pa.Array, sure: Mask) -> pa.Array:
    """RFC 3339 to the second at least and the microsecond at most, `Z` or an offset as +02:00."""
    if not len(array):
        return array.cast(MICROSECONDS)
    ends = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    raw = np.frombuffer(array.buffers()[2], np.uint8)
    length = np.diff(ends)
    fits = (length >= 20) & (length <= 32)
    start = ends[:-1] * fits
    end = np.where(fits, ends[1:], 32)
    if raw.size < 32:
        raw = np.resize(raw, 32)
    zulu = raw[end - 1] == ord("Z")
    zone = raw[end - 6]
    offset = ((zone == ord("+")) | (zone == ord("-"))) & (raw[end - 3] == ord(":"))
    fits &= raw[start + 16] == ord(":")
    fits &= np.where(zulu, length <= 27, offset & (length >= 25))
    sure &= fits | ~valid(array)
    if np.count_nonzero(fits) + array.null_count < len(array):
        array = pc.if_else(pa.array(fits), array, None)
    times = _cast(array)
    at = np.frombuffer(times.buffers()[1], np.int64)[times.offset :][: len(times)]
    within = (at >= _EARLIEST) & (at < _LATEST)
    if not within.all():
        sure &= within | ~valid(times)
    return times


def _cast(array: pa.Array) -> pa.Array:
    return array.cast(pa.timestamp("us", "UTC")).cast(MICROSECONDS)
