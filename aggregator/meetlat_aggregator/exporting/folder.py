"""The directory of an export: all of one moment, or as it was; nobody else's file is lost."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meetlat.errors import MeetlatError

MANIFEST = "export.json"
_DRAFT = ".meetlat-export-"


@contextmanager
def draft_of(target: Path, *, force: bool, about: dict[str, Any]) -> Iterator[tuple[Path, Path]]:
    """A directory to write into, whose files become those of `target` when nothing went wrong; and
    one for what is needed meanwhile.

    A new `target` appears by one rename. In one that is there every file is replaced by a rename,
    and files of an earlier export that this one does not have are removed: `export.json` names
    them. Other files are never touched; with any there, only `force` goes on. `about` is what
    `export.json` says beside the files. Raises MeetlatError.
    """
    if target.exists() and not target.is_dir():
        raise MeetlatError(f"{target} is not a directory", remedy="give --to another name")
    earlier = _listed(target)
    others = sorted(_files(target) - earlier) if target.exists() else []
    if others and not force:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise MeetlatError(
            f"{target} holds other files ({others[0]}{more})",
            remedy="give --to a new or empty directory, or --force to write beside them",
        )
    try:
        draft = (target if target.exists() else target.parent) / f"{_DRAFT}{uuid.uuid4().hex}"
        (draft / "files").mkdir(parents=True)
        try:
            yield draft / "files", draft / "spill"
            _finish(draft / "files", target, earlier, about)
        finally:
            shutil.rmtree(draft)
    except OSError as error:
        raise MeetlatError(
            f"cannot write to {target}: {error.strerror or error}",
            remedy="look at its rights and at the disk's free space",
        ) from None


def _finish(draft: Path, target: Path, earlier: set[str], about: dict[str, Any]) -> None:
    made = _files(draft)
    if not target.exists():
        _write_manifest(draft, made, about)
        draft.rename(target)
        return
    _write_manifest(target, made | earlier, about)  # true also if it ends half-way
    for name in sorted(made):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft / name, target / name)  # noqa: PTH105 - an atomic rename
    for name in earlier - made - {MANIFEST}:
        (target / name).unlink(missing_ok=True)
        if (target / name).parent != target and not any((target / name).parent.iterdir()):
            (target / name).parent.rmdir()
    _write_manifest(target, made, about)


def _write_manifest(folder: Path, names: set[str], about: dict[str, Any]) -> None:
    beside = folder / f"{_DRAFT}{MANIFEST}"
    text = json.dumps({**about, "files": sorted(names - {MANIFEST})}, indent=2, ensure_ascii=False)
    beside.write_text(text + "\n", "utf-8")
    os.replace(beside, folder / MANIFEST)  # noqa: PTH105 - an atomic rename


def _files(folder: Path) -> set[str]:
    """All files beneath a folder, but drafts."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in found if not path.parts[0].startswith(_DRAFT)}


def _listed(target: Path) -> set[str]:
    """The files that an earlier export wrote, by its own word; none when there was none."""
    try:
        said = json.loads((target / MANIFEST).read_text("utf-8"))
        names = {str(name) for name in said["files"]}
    except (OSError, ValueError, KeyError, TypeError):  # no export's, so all files are others'
        return set()
    inside = {
        name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()
    }
    return inside | {MANIFEST}
