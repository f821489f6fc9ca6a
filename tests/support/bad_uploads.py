"""Uploads that every way in refuses, each with its error."""

from __future__ import annotations

from django_avatar_kit.test import make_image

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'

#: Name of the file, its bytes, code and sentence of the error.
BAD_UPLOADS = {
    "empty": (
        "cat.jpg",
        b"",
        "empty",
        "“cat.jpg” is empty. Choose another file.",
    ),
    "text": (
        "cat.jpg",
        b"I am a cat.",
        "invalid_image",
        "“cat.jpg” is not an image. Choose a photo or another picture.",
    ),
    "svg": (
        "cat.svg",
        SVG,
        "svg",
        "“cat.svg” is an SVG drawing. Export it as a PNG and upload that.",
    ),
    "svg in disguise": (
        "cat.png",
        SVG,
        "svg",
        "“cat.png” is an SVG drawing. Export it as a PNG and upload that.",
    ),
    "tiff": (
        "cat.tiff",
        make_image((8, 8), format="tiff"),
        "unsupported_format",
        "“cat.tiff” is in TIFF format. Upload a picture in JPEG, PNG, WebP, GIF or AVIF format.",
    ),
    "bmp": (
        "cat.png",
        make_image((8, 8), format="bmp"),
        "unsupported_format",
        "“cat.png” is in BMP format. Upload a picture in JPEG, PNG, WebP, GIF or AVIF format.",
    ),
    "truncated": (
        "cat.jpg",
        make_image((300, 300))[:-200],
        "truncated",
        "“cat.jpg” is damaged or incomplete. Save it again and upload the new copy.",
    ),
}
