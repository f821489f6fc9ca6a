"""What a reader of a page sees and hears, taken out of its HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Attributes that are read to somebody.
SPOKEN = ("alt", "aria-label", "placeholder", "title")
#: Elements whose text is the same in every language.
WITHOUT_WORDS = ("code", "script", "style")
VOID = frozenset({"img", "input", "link", "meta", "br", "hr", "wbr", "source"})


@dataclass
class Page(HTMLParser):
    """A parsed page."""

    html: str
    #: Every text between two tags, stripped; and those of the spoken attributes.
    texts: list[str] = field(default_factory=list)
    #: Each start tag with its attributes.
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.elements.append((tag, named))
        self.texts += [named[name] for name in SPOKEN if named.get(name)]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not set(WITHOUT_WORDS).intersection(self._open):
            self.texts.append(" ".join(data.split()))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Those of each element of this kind."""
        return [attrs for name, attrs in self.elements if name == tag]
