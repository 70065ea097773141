"""`slicer.i18n`: translation of texts. The host speaks English, so texts come back as they are."""

from __future__ import annotations


def tr(text: str) -> str:
    """A text in the application's language; usually imported as `_`."""
    if not isinstance(text, str):
        raise TypeError(f"tr() takes a text, got {type(text).__name__}")
    return text


def translate(context: str, text: str) -> str:
    """A text in the application's language, in a context such as "qSlicerAbstractCoreModule"."""
    return tr(text)
