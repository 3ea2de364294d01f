"""A small disk of its own for a test, and the means to fill it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.lanes import required


@contextlib.contextmanager
def disk(place: Path, size: str = "64m") -> Iterator[Path]:
    """A disk of that size at `place`, as long as the block lasts."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "meetlat-test", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        say = pytest.fail if required(os.environ) else pytest.skip
        say(f"a disk of its own needs root: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill(folder: Path, left: int) -> Path:
    """Fill the disk but for so many bytes; the file to delete."""
    ballast = folder / "ballast"
    space = os.statvfs(folder)
    # Others write too, so that the last bytes may be gone before they are taken.
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(b"\0" * max(0, space.f_bavail * space.f_frsize - left))
    return ballast


def top_up(ballast: Path) -> None:
    """Fill what others gave back since."""
    space = os.statvfs(ballast)
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        file.write(b"\0" * (space.f_bavail * space.f_frsize))
