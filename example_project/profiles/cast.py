"""The made-up people of ``manage.py demo``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import portraits

#: How the picture of a person came to the site.
Kind = Literal["photo", "telephone", "png", "webp"]


@dataclass(frozen=True, kw_only=True)
class Person:
    username: str
    name: str
    headline: str
    #: None: shown by initials.
    kind: Kind | None
    shape: portraits.Shape = "square"

    def picture(self, seed: int) -> bytes:
        """The encoded upload."""
        image = portraits.draw(seed, self.shape)
        if self.kind == "telephone":
            return portraits.encode_sideways(image)
        if self.kind == "png":
            return portraits.encode(image, "PNG")
        return portraits.encode(image, "WEBP" if self.kind == "webp" else "JPEG")


def _person(
    username: str,
    name: str,
    headline: str,
    kind: Kind | None = None,
    shape: portraits.Shape = "square",
) -> Person:
    return Person(username=username, name=name, headline=headline, kind=kind, shape=shape)


#: Their order is their seed: somebody new goes to the end.
CAST = (
    _person("anton", "Anton Brehmer", "Bakes before the city wakes", "photo"),
    _person("amara", "Amara Oyelaran", "Maps rivers that moved", "photo", "portrait"),
    _person("noor", "Noor El-Khatib", "Translates menus and poems", "photo", "landscape"),
    _person("lucia", "Lucía Ferrándiz", "Plays the second violin", "webp"),
    _person("tove", "Tove Ångmark", "Repairs bicycles, mostly her own", "telephone", "portrait"),
    _person("mei", "Mei Hanazawa", "Counts birds at dawn", "photo", "landscape"),
    _person("ruben", "Ruben Vandekerk", "Brews a mean espresso", "photo"),
    _person("sanna", "Sanna Pihlström", "Writes letters by hand", "telephone", "portrait"),
    _person("ines", "Inês Tavarelo", "Grows tomatoes on the roof", "photo", "landscape"),
    _person("kofi", "Kofi Mensawah", "Restores old radios", "png"),
    _person("darius", "Darius Kolmani", "Runs uphill on purpose", "photo", "portrait"),
    _person("yuki", "Yuki Morinaga", "Folds paper into animals", "photo", "landscape"),
    _person("oona", "Oona Mac Giolla", "Prefers not to be pictured"),
    _person("zeynep", "Zeynep Aydıntepe", "Just moved here"),
    _person("milan", "Милан Радочић", "Teaches chess to beginners"),
    _person("eleni", "Ελένη Καρυδά", "Collects station stamps"),
)

#: Name, purpose and members of the teams.
TEAMS = (
    (
        "Early birds",
        "Up before the city, back before breakfast",
        ("anton", "mei", "darius", "sanna", "ruben", "tove", "milan"),
    ),
    ("House band", "Plays on Thursdays, in the kitchen", ("lucia", "kofi", "noor")),
    (
        "Roof garden",
        "Tomatoes, bees and a very long hose",
        ("ines", "yuki", "zeynep", "amara", "oona"),
    ),
    (
        "Repair café",
        "Radios, bicycles and whatever else is broken",
        ("kofi", "tove", "eleni", "ruben"),
    ),
)
