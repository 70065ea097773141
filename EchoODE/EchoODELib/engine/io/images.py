"""A folder of images in natural order, one image, or the pages of a TIFF. Images carry no pixel size."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence, UnidentifiedImageError

from ..errors import UnreadableClip
from ..sequence import EchoSequence
from .assemble import assemble
from .detect import Kind, detect
from .gray import GrayFrames, check_size, to_eight_bits
from .timing import regular_times

_DAMAGE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    EOFError,
    struct.error,
)
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")


def natural_order(path: Path) -> list[tuple[int, int | str]]:
    """Sort key by which frame2 comes before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def images_in(folder: Path) -> list[Path]:
    """The PNG, JPEG, TIFF and BMP files of a folder in natural order, by content; other files are passed over."""
    return [path for path in sorted(visible_files(folder), key=natural_order) if _is_image(path)]


def visible_files(folder: Path) -> list[Path]:
    """Files of a folder that are not hidden and not empty."""
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [path for path in files if path.stat().st_size]


def read_images(paths: Sequence[Path], name: str, *, frame_rate: float | None = None) -> EchoSequence:
    """Read images as the frames of a clip.

    Raises
    ------
    UnreadableClip: damaged, or frames of different size.
    """
    gray, notes, deep = GrayFrames(), list[str](), list[NDArray[np.generic]]()
    for path in paths:
        for page in pages(path):
            if page.dtype != np.uint8:
                deep.append(page)
            elif page.ndim == 3:
                gray.add_rgb(page.astype(np.uint8, copy=False))
            else:
                gray.add_gray(page.astype(np.uint8, copy=False))
    if deep:
        if len(gray) or any(page.shape != deep[0].shape for page in deep):
            raise UnreadableClip(f"The images of {name} differ in size or depth; give one clip of one kind.")
        notes.append(f"The values were stored as {deep[0].dtype} and mapped to 8 bits.")
        for frame in to_eight_bits(np.stack(deep)):
            gray.add_gray(frame)
    notes.append("Images carry no pixel size; the clip is uncalibrated.")
    return assemble(gray, regular_times(len(gray), frame_rate, notes), name=name, format="images", notes=notes)


def pages(path: Path, *, labels: bool = False) -> Iterator[NDArray[np.generic]]:
    """The pages of an image: (H, W) of 8 bits or more, or (H, W, 3) uint8.

    With ``labels`` a palette image gives its indices instead of its colours.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                check_size(path.name, getattr(image, "n_frames", 1), image.height, image.width)
                for page in ImageSequence.Iterator(image):
                    yield _array(page, labels)
    except _DAMAGE as error:
        raise UnreadableClip(f"{path.name} is truncated or damaged; copy it again.") from error


def _array(page: Image.Image, labels: bool) -> NDArray[np.generic]:
    if page.mode == "1":
        return np.asarray(page.convert("L"))
    if page.mode == "L" or (labels and page.mode == "P"):
        return np.asarray(page)
    if page.mode in ("LA", "La"):
        return np.asarray(page.convert("L"))
    if page.mode.startswith("I") or page.mode == "F":
        return np.asarray(page)
    return np.asarray(page.convert("RGB"))


def _is_image(path: Path) -> bool:
    try:
        return detect(path) is Kind.IMAGE
    except UnreadableClip:
        return False
