"""Kinds of output that the kernels know, as numbers; imports nothing."""

from __future__ import annotations

#: Bytes, words, or the planes of a JPEG file.
RGB8, RGB16, JFIF = 0, 1, 2
