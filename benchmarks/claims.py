"""What the README and the documentation claim. Each line of the summary backs one of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim, and where it is made."""

    said: str
    where: str
    #: What backs it besides the measurements.
    tests: str = ""


PROMISES = "README, “Six promises”"
PARTS = "README, “What it builds on”"

CLAIMS: dict[str, Claim] = {
    "promise 1": Claim(
        said="A page of avatars needs no query and no storage call beyond what loaded the rows."
        " It costs less than a hand-written `<img>`, on the file system and on S3.",
        where=PROMISES,
        tests="`tests/display/`",
    ),
    "promise 2": Claim(
        said="A row never points at a file that is not there, not even after a kill.",
        where=PROMISES,
        tests="`tests/lifecycle/`, `tests/cases/`",
    ),
    "promise 3": Claim(
        said="A replaced or deleted avatar takes its files with it, in a few queries and one"
        " request, however large the table is.",
        where=PROMISES,
        tests="`tests/lifecycle/`",
    ),
    "promise 4": Claim(
        said="Everything in storage was encoded by the kit. It looks as good as a full decode.",
        where=PROMISES,
        tests="`tests/uploads/`",
    ),
    "promise 5": Claim(
        said="An upload is decoded once, below full size if possible, and never with more memory"
        " than allowed.",
        where=PROMISES,
        tests="`tests/cases/test_memory.py`",
    ),
    "limits": Claim(
        said="Whatever is uploaded, it takes limited memory and time, whether it is taken or"
        " refused.",
        where="[Limits](limits.md)",
        tests="`tests/uploads/test_limits.py`",
    ),
    "promise 6": Claim(
        said="Names contain no personal data.", where=PROMISES, tests="`tests/test_names.py`"
    ),
    "easy-thumbnails": Claim(
        said="The field is easy-thumbnails' own, without its cost for each row that is loaded and"
        " without rows in its tables.",
        where=PARTS,
    ),
    "Pillow": Claim(
        said="Pillow is enough: the imaging is as fast as that of libvips.", where=PARTS
    ),
    "S3": Claim(
        said="Requests to S3 are sent in parallel, and a public URL costs as little as on the file"
        " system.",
        where=PARTS,
    ),
    "colours": Claim(
        said="Pictures of other screens and of printers have their colours in sRGB, too.",
        where="Colours",
        tests="`tests/uploads/test_colours.py`",
    ),
    "settings": Claim(
        said="`MASTER_SIDE` is 1000, because a phone's photo is decoded at a quarter of its size"
        " then.",
        where="Settings",
    ),
}
