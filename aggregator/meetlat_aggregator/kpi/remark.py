"""What a reader has to know beside a figure, in both languages of the reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Remark(NamedTuple):
    """The same words in English and Dutch; '' for nothing. Remarks are parted by semicolons, so
    there is none within one.
    """

    en: str = ""
    nl: str = ""

    def __bool__(self) -> bool:
        return bool(self.en)


NOTHING = Remark()


def together(remarks: Iterable[Remark]) -> Remark:
    """Several remarks as one."""
    said = [remark for remark in remarks if remark]
    return Remark("; ".join(one.en for one in said), "; ".join(one.nl for one in said))
