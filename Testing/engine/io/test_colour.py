"""Colour Doppler is a property of pixels: flow is found, tints and graphics are not taken for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from EchoODELib.engine.io import read_clip


def tinted(frames, weights):
    """Every gray level in one colour, as B-mode maps do: dark ends neutral, mid grays coloured."""
    gray = frames[..., None].astype(float) / 255
    return np.clip(255 * gray ** np.array(weights), 0, 255).astype(np.uint8)


def with_flow(frames, radius=9):
    colour = np.repeat(frames[..., None], 3, axis=-1)
    for t, frame in enumerate(colour):
        cv2.circle(frame, (60 + t, 50), radius, (200, 40 + 10 * (t % 3), 0), -1)
        cv2.circle(frame, (72 + t, 60), radius, (0, 30, 180 + 5 * (t % 3)), -1)
    return colour


def with_graphics(frames):
    """A moving coloured trace, a colour bar beside the sector and a logo: no flow."""
    colour = np.repeat(frames[..., None], 3, axis=-1)
    for t, frame in enumerate(colour):
        trace = (90 + 3 * np.sin(np.arange(128) / 3 + t)).astype(int)
        frame[trace, np.arange(128)] = (0, 255, 90)
        frame[5:45, 118:124] = np.linspace([255, 0, 0], [0, 0, 255], 40)[:, None]
        frame[12:22, 4:14] = (30, 60, 220)
    return colour


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("tint", [(1, 1, 1), (0.7, 1.0, 1.5), (1.5, 1.1, 0.7), (1.0, 0.8, 1.3)])
def test_tints_are_not_flow(speckled_fan, write_dicom, tint, count):
    clip = read_clip(write_dicom(tinted(speckled_fan[:count], tint)))
    assert not clip.source.colour_doppler and not any("Doppler" in note for note in clip.source.notes)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_flow_is_found(speckled_fan, write_dicom, count):
    clip = read_clip(write_dicom(with_flow(speckled_fan[:count])))
    assert clip.source.colour_doppler
    assert any("colour Doppler" in note for note in clip.source.notes)


def test_flow_is_found_on_a_tinted_clip(speckled_fan, write_dicom):
    flow = with_flow(speckled_fan)
    plain = (flow == flow[..., :1]).all(axis=-1, keepdims=True)
    assert read_clip(write_dicom(np.where(plain, tinted(speckled_fan, (0.7, 1, 1.5)), flow))).source.colour_doppler


def test_graphics_are_not_flow(speckled_fan, write_dicom):
    assert not read_clip(write_dicom(with_graphics(speckled_fan))).source.colour_doppler


def test_a_tag_alone_gives_a_note(speckled_fan, write_dicom, make_region):
    clip = read_clip(write_dicom(speckled_fan, SequenceOfUltrasoundRegions=[make_region(RegionDataType=2)]))
    assert not clip.source.colour_doppler
    assert any("tags name colour flow" in note for note in clip.source.notes)


@pytest.mark.parametrize(("name", "codec", "pixels"), [("c.avi", "mjpeg", "yuvj420p"), ("c.mp4", "mpeg4", "yuv420p")])
def test_flow_survives_video(speckled_fan, write_video, name, codec, pixels):
    assert read_clip(write_video(with_flow(speckled_fan), name, codec, pixels)).source.colour_doppler
    plain = write_video(speckled_fan, f"plain_{name}", codec, pixels)
    assert not read_clip(plain).source.colour_doppler
