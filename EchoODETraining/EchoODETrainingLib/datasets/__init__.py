"""Frames with masks to train on, each source in its own module."""
