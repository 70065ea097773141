"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from EchoODELib.engine.errors import OutputError, RunCancelled
from EchoODELib.engine.export.atomic import atomic_file, atomic_folder, require_writable, write_bytes


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    written = write_bytes(tmp_path / "new" / "deep" / "a.bin", b"abc")
    assert written.read_bytes() == b"abc"
    assert everything_in(tmp_path) == ["new", "new/deep", "new/deep/a.bin"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (PermissionError(errno.EACCES, "Permission denied"), OutputError),
        (RunCancelled("cancelled"), RunCancelled),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (ValueError("a defect"), ValueError),
    ],
)
def test_a_failure_leaves_the_old_file_and_no_rest(tmp_path: Path, failure: BaseException, raised: type) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(raised), atomic_file(target) as unfinished:
        unfinished.write_bytes(b"half")
        raise failure
    assert target.read_bytes() == b"old"
    assert everything_in(tmp_path) == ["a.bin"]


def test_the_message_says_what_and_why(tmp_path: Path) -> None:
    says = r"a\.bin could not be written \(no space left on device\)"
    with pytest.raises(OutputError, match=says), atomic_file(tmp_path / "a.bin"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("under_a_file", [True, False])
def test_a_place_that_cannot_be_written(tmp_path: Path, under_a_file: bool) -> None:
    if under_a_file:
        (tmp_path / "file").write_text("x")
        target = tmp_path / "file" / "a.bin"
    else:
        target = Path("/proc/no/such/place/a.bin")
    with pytest.raises(OutputError, match="choose another folder"):
        write_bytes(target, b"abc")


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        write_bytes(tmp_path, b"abc")


def test_a_full_disk_is_noticed(tmp_path: Path) -> None:
    """A size limit stands for the full disk: every writer must notice and leave nothing."""
    code = f"""
import resource, signal, sys
import numpy as np
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from EchoODELib.engine.errors import OutputError
from EchoODELib.engine.sequence import *
from EchoODELib.engine.export import clip, masks, fields, tables, video
rng = np.random.default_rng(0)
noise = rng.integers(0, 4, (4, 64, 64)).astype(np.uint8)
sequence = EchoSequence(noise * 60, np.arange(4) / 25, (1.5, 1.5), View.A4C)
motion = rng.normal(size=(4, 64, 64, 2)).astype(np.float32)
whole = SegmentedSequence(sequence, noise, Provenance("x"), 0, motion, motion)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path({str(tmp_path)!r})
from EchoODELib.engine.sector import Sector
from EchoODELib.engine.export.backdrop import backdrop
behind = backdrop(sequence, sector=Sector(np.ones((64, 64), bool), (0, 64, 0, 64)))
for write in (
    lambda: masks.write_masks(folder / "a.nii.gz", whole),
    lambda: masks.write_masks(folder / "a.nii", whole),
    lambda: masks.write_masks(folder / "a.seq.nrrd", whole),
    lambda: masks.write_masks(folder / "a.seg.nrrd", whole, frame=0),
    lambda: masks.write_masks(folder / "pngs", whole),
    lambda: fields.write_field(folder / "a.nrrd", whole, "displacement"),
    lambda: clip.write_clip(folder / "a.mp4", sequence),
    lambda: video.write_video(folder / "b.mp4", whole, behind=behind),
):
    try:
        write()
    except OutputError as error:
        print("refused:", error)
    else:
        print("NOT NOTICED")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    lines = done.stdout.splitlines()
    assert len(lines) == 8, done.stderr
    assert all(line.startswith("refused: ") for line in lines), lines
    assert everything_in(tmp_path) == []


def test_our_own_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "pngs"
    for names in (["m_1.png", "m_2.png"], ["m_1.png"]):
        with atomic_folder(target, r"m_\d\.png") as unfinished:
            for name in names:
                (unfinished / name).write_text("x")
    assert everything_in(tmp_path) == ["pngs", "pngs/m_1.png"]


def test_a_folder_of_other_files_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter1.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other files"), atomic_folder(target, r"m_\d\.png"):
        pass
    assert (target / "chapter1.txt").read_text() == "years of work"


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "pngs"
    target.mkdir()
    (target / "m_1.png").write_text("old")
    with pytest.raises(OutputError), atomic_folder(target, r"m_\d\.png") as unfinished:
        (unfinished / "m_1.png").write_text("new")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (target / "m_1.png").read_text() == "old"
    assert everything_in(tmp_path) == ["pngs", "pngs/m_1.png"]


@pytest.mark.parametrize("name", ["a.bin", "new/deep/a.bin", ""])
def test_a_writable_place_is_left_alone(tmp_path: Path, name: str) -> None:
    require_writable(tmp_path / name)
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("name", ["file/a.bin", "file/deep/a.bin"])
def test_an_unwritable_place_is_told_before_long_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="choose another folder"):
        require_writable(tmp_path / name)
    assert everything_in(tmp_path) == ["file"]
