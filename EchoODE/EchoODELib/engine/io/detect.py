"""What a file is, by its first bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from enum import Enum
from pathlib import Path

from ..errors import UnreadableClip


class Kind(Enum):
    """Kinds of files that hold frames or masks; the value is what people call them."""

    DICOM = "DICOM"
    NIFTI = "NIfTI"
    METAIMAGE = "MetaImage"
    NRRD = "NRRD"
    VIDEO = "video"
    IMAGE = "image"


READABLE = "DICOM, AVI, MP4, GIF, NIfTI, MetaImage, NRRD, or a folder of images"
_IMAGE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"BM")
_VIDEO_MAGIC = (
    b"GIF87a",
    b"GIF89a",
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"0&\xb2u\x8ef\xcf\x11",  # WMV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
)
_QUICKTIME_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def detect(path: Path) -> Kind:
    """Find out what ``path`` is.

    Raises
    ------
    UnreadableClip: missing, not a file, unreadable, empty, or of a kind that isn't known.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except FileNotFoundError as error:
        raise UnreadableClip(f"{path.name} does not exist; check the path.") from error
    except OSError as error:
        raise UnreadableClip(f"{path.name} can't be opened; check that it is a file that you may read.") from error
    if not head:
        raise UnreadableClip(f"{path.name} is empty; copy it again.")
    kind = _kind(head)
    if kind is None and head[:2] == b"\x1f\x8b":
        kind = _kind(_unzipped_head(path))
    if kind is None:
        raise UnreadableClip(f"{path.name} is of no known kind; give {READABLE}.")
    return kind


def is_gzip(path: Path) -> bool:
    """Whether the file is compressed as a whole."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _kind(head: bytes) -> Kind | None:
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if head.startswith(b"NRRD000"):
        return Kind.NRRD
    if _is_nifti(head):
        return Kind.NIFTI
    if head.startswith(_IMAGE_MAGIC[:-1]) or (head.startswith(b"BM") and len(head) > 26 and head[6:10] == b"\0\0\0\0"):
        return Kind.IMAGE
    riff_video = head[:4] in (b"RIFF", b"RIFX") and head[8:11] == b"AVI"
    if riff_video or head.startswith(_VIDEO_MAGIC) or head[4:8] in _QUICKTIME_ATOMS:
        return Kind.VIDEO
    text = head[:512].lstrip().lower()
    if text.startswith((b"objecttype", b"ndims")) and b"=" in text:
        return Kind.METAIMAGE
    return Kind.DICOM if _is_bare_dicom(head) else None


def _is_nifti(head: bytes) -> bool:
    size = head[:4]
    if size in (struct.pack("<i", 348), struct.pack(">i", 348)):
        return head[344:348] in (b"n+1\0", b"ni1\0")
    return size in (struct.pack("<i", 540), struct.pack(">i", 540)) and head[4:8] in (b"n+2\0", b"ni2\0")


def _is_bare_dicom(head: bytes) -> bool:
    """A data set without DICOM's preamble: it opens with an element of group 2 or 8 of plausible length."""
    if len(head) < 16:
        return False
    group, element, explicit_length = struct.unpack("<HH2xH", head[:8])
    (implicit_length,) = struct.unpack("<I", head[4:8])
    if group not in (0x0002, 0x0008) or element > 0x0100:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper() and explicit_length < 512
    return bool(explicit or implicit_length < 512)


def _unzipped_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(1024)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableClip(f"{path.name} is truncated or damaged; copy it again.") from error
