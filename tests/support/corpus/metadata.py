"""What cameras and programs write beside pixels, each with the marker in it."""

from __future__ import annotations

import struct
from typing import Any

from tests.support import images
from tests.support.corpus.base import MARKER

TEXT = MARKER.decode()
UTF_16 = TEXT.encode("utf-16-le")

XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>' + MARKER + b"</dc:creator>"
    b'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)

# Types of TIFF.
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
WIDTHS = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}

#: Tags that point to another list of tags.
EXIF_LIST, GPS_LIST = 0x8769, 0x8825
ORIENTATION, THUMBNAIL, THUMBNAIL_LENGTH = 0x0112, 0x0201, 0x0202

Entry = tuple[int, int, Any]
"""Tag, type, and value: bytes, a number, or the entries of another list."""


class Tiff:
    """Writes EXIF, which is a TIFF file, in either order of bytes."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.data = bytearray(struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8))

    def pack(self, format: str, *values: Any) -> bytes:
        return struct.pack(self.order + format, *values)

    def written(self, *lists: list[Entry]) -> bytes:
        """The lists one after the other, as those of a picture and of its thumbnail."""
        for number, entries in enumerate(lists):
            link = self._list(entries)
            if number + 1 < len(lists):
                self.data[link : link + 4] = self.pack("I", len(self.data))
        return bytes(self.data)

    def _list(self, entries: list[Entry]) -> int:
        """Returns where the link to the next list is."""
        start = len(self.data)
        self.data += self.pack("H", len(entries)) + bytes(12 * len(entries) + 4)
        for number, (tag, kind, value) in enumerate(entries):
            count = 1
            if isinstance(value, bytes):
                count = len(value) // WIDTHS[kind]
                field = value.ljust(4, b"\0")
                if len(value) > 4:
                    field = self.pack("I", len(self.data))
                    self.data += value
            elif isinstance(value, list):
                field = self.pack("I", len(self.data))
                self._list(value)
            else:
                field = self.pack("HH", value, 0) if kind == SHORT else self.pack("I", value)
            at = start + 2 + 12 * number
            self.data[at : at + 12] = self.pack("HHI", tag, kind, count) + field
        return start + 2 + 12 * len(entries)


SOFTWARE: Entry = (0x0131, ASCII, b"x\0")
CAMERA: list[Entry] = [
    (0x010E, ASCII, MARKER + b"\0"),  # a description
    (0x010F, ASCII, MARKER + b"\0"),  # the maker
    (0x013B, ASCII, MARKER + b"\0"),  # the artist
    (0x9C9C, BYTE, UTF_16 + b"\0\0"),  # Windows' comment
]
COMMENT: list[Entry] = [(EXIF_LIST, LONG, [(0x9286, UNDEFINED, b"ASCII\0\0\0" + MARKER)])]
WIDE_COMMENT: list[Entry] = [(EXIF_LIST, LONG, [(0x9286, UNDEFINED, b"UNICODE\0" + UTF_16)])]
MAKER_NOTE: list[Entry] = [(EXIF_LIST, LONG, [(0x927C, UNDEFINED, b"Apple iOS\0\0\1MM" + MARKER)])]
PLACE: list[Entry] = [
    (
        GPS_LIST,
        LONG,
        [
            (1, ASCII, b"N\0"),
            (2, RATIONAL, struct.pack("<6I", 48, 1, 12, 1, 30, 1)),
            (27, UNDEFINED, b"ASCII\0\0\0" + MARKER),
        ],
    )
]


def thumbnail() -> bytes:
    """A small picture of its own, as cameras write, with a comment."""
    return images.jpeg(images.quarters((16, 12)), comment=MARKER)


def exif_kinds() -> dict[str, bytes]:
    """EXIF of each kind, without the six bytes that a JPEG has in front of it."""
    preview = Tiff()
    small = thumbnail()
    # Behind two lists of one and two entries.
    preview_at = 8 + (2 + 12 + 4) + (2 + 24 + 4)
    sizes: list[Entry] = [(THUMBNAIL, LONG, preview_at), (THUMBNAIL_LENGTH, LONG, len(small))]
    return {
        "EXIF of the camera": Tiff().written(CAMERA),
        "EXIF of the camera, big-endian": Tiff(">").written(CAMERA),
        "EXIF with a comment": Tiff().written(COMMENT),
        "EXIF with a comment in UTF-16": Tiff().written(WIDE_COMMENT),
        "EXIF with a maker note": Tiff().written(MAKER_NOTE),
        "EXIF with a place": Tiff().written(PLACE),
        "EXIF with everything": Tiff().written(CAMERA + COMMENT + PLACE),
        "EXIF with a thumbnail": preview.written([SOFTWARE], sizes) + small,
        "EXIF with bytes that no tag owns": Tiff().written([SOFTWARE]) + MARKER,
    }


def orientation(value: int, order: str = "<", kind: int = SHORT) -> bytes:
    return Tiff(order).written([(ORIENTATION, kind, value)])


def odd_exif() -> dict[str, bytes]:
    """EXIF that no reader may trust."""
    good = orientation(6)
    return {
        "empty": b"",
        "of two bytes": b"II",
        "of another order": b"XX" + good[2:],
        "whose list begins at its own start": good[:4] + bytes(4) + good[8:],
        "whose list begins beyond its end": good[:4] + b"\xff\xff\xff\x7f" + good[8:],
        "of more tags than it has": good[:8] + b"\xff\xff" + good[10:],
        "whose list is its own next": good[:-4] + b"\x08\0\0\0",
        "with an orientation of 0": orientation(0),
        "with an orientation of 9": orientation(9),
        "with an orientation of 32 bits": orientation(6, kind=LONG),
        "with two orientations": Tiff().written(
            [(ORIENTATION, SHORT, 6), (ORIENTATION, SHORT, 3)]
        ),
        "with an orientation in its thumbnail only": Tiff().written([], [(ORIENTATION, SHORT, 6)]),
        "with 5,000 tags": Tiff().written([(0xC000 + tag, LONG, tag) for tag in range(5000)]),
    }


def iptc() -> bytes:
    """Photoshop's block, with a caption of IPTC and a resource of its own."""
    caption = b"\x1c\x02\x78" + len(MARKER).to_bytes(2, "big") + MARKER
    return b"Photoshop 3.0\0" + b"".join(
        b"8BIM"
        + number.to_bytes(2, "big")
        + b"\0\0"
        + len(body).to_bytes(4, "big")
        + body
        + bytes(len(body) % 2)
        for number, body in ((0x0404, caption), (0x0BB7, MARKER))
    )


def profile() -> bytes:
    """sRGB, described as the marker."""
    name = "sRGB built-in".encode("utf-16-be")
    return images.srgb_profile().replace(name, TEXT.encode("utf-16-be"))


def profiles() -> dict[str, bytes]:
    """Colour profiles that fit, and that do not."""
    good = images.srgb_profile()
    return {
        "sRGB": good,
        "of other colours": images.swapped_profile(),
        "for grey": images.grey_profile(),
        "for inks": images.cmyk_profile(),
        "cut off": good[:200],
        "of zeros": bytes(len(good)),
        "that says it is longer": b"\xff\xff\xff\xff" + good[4:],
        "of one byte": b"\0",
        "of a tag outside of it": good[:132] + b"\xff" * 12 + good[144:],
        "of 2,000 tags": good[:128] + struct.pack(">I", 2000) + good[132:],
        "of 90 kB": good + bytes(90_000),
    }


#: Programs and pages that hide in a picture. Each has the marker in it.
PAYLOADS = {
    "PHP": b"<?php echo '" + MARKER + b"'; system($_GET['c']); ?>",
    "HTML": b"<html><script>alert('" + MARKER + b"')</script></html>",
    "JavaScript": b"*/=1;alert('" + MARKER + b"')/*",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>" + MARKER + b"</script></svg>",
}


def archive() -> bytes:
    """A ZIP file, as a Java archive is one: it is read from its end."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("Payload.class", MARKER)
    return out.getvalue()


def document() -> bytes:
    """A PDF whose reader looks for its start within the first kilobyte."""
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert('"
        + MARKER
        + b"'))>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    )


def trailers() -> dict[str, bytes]:
    """What is put behind the end of a picture."""
    return {
        **{f"with {name} behind it": payload for name, payload in PAYLOADS.items()},
        "with an archive behind it": archive(),
        "with a PDF behind it": document(),
        "with a picture behind it": thumbnail(),
        "with a megabyte behind it": MARKER + bytes(1 << 20),
    }
