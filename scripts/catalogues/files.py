"""The texts of the sources, and the files of their translations."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize
from jinja2.ext import babel_extract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent.parent

#: What is translated: the folder of the sources, which holds ``locale/`` as well.
PROJECTS = (ROOT / "src" / "django_avatar_kit", ROOT / "example_project")
#: The languages that every project has, as Django names their folders. More may be there.
LANGUAGES = ("ar", "de", "es", "fr", "he", "ja", "pl", "pt_BR", "ru", "zh_Hans")

_TEXT, _PLURAL, _CONTEXT, _BOTH = None, (1, 2), ((1, "c"), 2), ((1, "c"), 2, 3)
#: The functions whose arguments are texts, and which of the arguments.
KEYWORDS: dict[str, Any] = {
    "_": _TEXT,
    "gettext": _TEXT,
    "gettext_lazy": _TEXT,
    "gettext_noop": _TEXT,
    "ngettext": _PLURAL,
    "ngettext_lazy": _PLURAL,
    "pgettext": _CONTEXT,
    "pgettext_lazy": _CONTEXT,
    "npgettext": _BOTH,
    "npgettext_lazy": _BOTH,
}
#: A comment before a text that begins so is shown to translators.
COMMENT = "Translators:"

Key = tuple[str, str]
"""The context, "" for none, and the text; of one with a plural the singular."""


class Texts(Catalog):
    """A catalogue whose header says only what a program needs."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", self.locale_identifier or ""),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("Content-Transfer-Encoding", "8bit"),
            # The last line of a header ends as the others do.
            ("Plural-Forms", f"{self.plural_forms}\n"),
        ]

    @mime_headers.setter
    def mime_headers(self, value: Iterable[tuple[str, str]]) -> None:
        self._set_mime_headers(value)


@dataclass(frozen=True, kw_only=True)
class Paths:
    """The two files of one language."""

    po: Path

    @property
    def mo(self) -> Path:
        return self.po.with_suffix(".mo")

    @classmethod
    def of(cls, project: Path, language: str) -> Paths:
        return cls(po=project / "locale" / language / "LC_MESSAGES" / "django.po")


# --- reading ----------------------------------------------------------------------------------


def key_of(message: Message) -> Key:
    return message.context or "", message.id if isinstance(message.id, str) else message.id[0]


def forms_of(message: Message) -> list[str]:
    """The translations of a text, one for each plural form."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def messages_of(catalog: Catalog) -> dict[Key, Message]:
    return {key_of(message): message for message in catalog if message.id}


def _extract_django(
    file: IO[bytes], keywords: Any, comment_tags: Any, options: Any
) -> Iterator[Any]:
    """The texts of a Django template, which Django itself turns into something like Python."""
    lines = templatize(file.read().decode()).splitlines()
    # Python's tokenizer would complain about the indentation.
    code = "\n".join(line.lstrip() for line in lines) + "\n"
    return extract_python(io.BytesIO(code.encode()), keywords, comment_tags, options)


def _method_for(path: Path) -> Callable[..., Any] | None:
    """How the texts of a file are found; None where it has none that are translated."""
    if path.suffix == ".py":
        return extract_python
    if path.suffix in {".html", ".txt"} and "jinja2" in path.parts:
        return babel_extract
    if path.suffix in {".html", ".txt"} and "templates" in path.parts:
        return _extract_django
    return None


def texts_of(project: Path) -> Texts:
    """All texts of a project's sources, without translations."""
    texts = Texts(charset="utf-8")
    for path in sorted(project.rglob("*")):
        method = _method_for(path.relative_to(project))
        if method is None or not path.is_file():
            continue
        with path.open("rb") as file:
            options = {"silent": "false", "encoding": "utf-8"}
            found = extract(method, file, KEYWORDS, (COMMENT,), options)
            for _line, text, comments, context in found:
                place = (path.relative_to(project).as_posix(), 0)
                texts.add(text, locations=[place], auto_comments=comments, context=context)
    return texts


def languages_of(project: Path) -> list[str]:
    """The languages that a project must have, and those it has besides."""
    found = project.glob("locale/*/LC_MESSAGES/django.po")
    return sorted({*LANGUAGES, *(path.parent.parent.name for path in found)})


def read(paths: Paths, language: str) -> Texts:
    """The catalogue of a language; an empty one where there is none yet."""
    texts = Texts(locale=language, charset="utf-8", fuzzy=False, header_comment="")
    if not paths.po.exists():
        return texts
    with paths.po.open("rb") as file:
        parsed = read_po(file, locale=language, charset="utf-8", abort_invalid=True)
    texts.header_comment = parsed.header_comment
    texts.mime_headers = [("Plural-Forms", parsed.plural_forms)]
    texts.fuzzy = parsed.fuzzy
    for message in parsed:
        if message.id:
            texts[message.id] = message
    texts.obsolete = parsed.obsolete
    return texts


# --- writing ----------------------------------------------------------------------------------


def merged(texts: Texts, old: Texts, language: str) -> Texts:
    """The texts of the sources, with the translations that a catalogue has for them."""
    new = Texts(locale=language, charset="utf-8", fuzzy=False, header_comment=old.header_comment)
    new.mime_headers = [("Plural-Forms", old.plural_forms)]
    known = messages_of(old)
    for key, message in messages_of(texts).items():
        translated = known.get(key)
        empty = ("",) * new.num_plurals if message.pluralizable else ""
        usable = translated is not None and translated.pluralizable == message.pluralizable
        new.add(
            message.id,
            translated.string if translated is not None and usable else empty,
            locations=message.locations,
            auto_comments=message.auto_comments,
            user_comments=translated.user_comments if translated is not None else (),
            flags=(translated.flags if translated is not None else set()) & {"fuzzy"},
            context=message.context,
        )
    return new


def write(paths: Paths, texts: Texts) -> None:
    paths.po.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    write_po(buffer, texts, width=99, include_lineno=False, ignore_obsolete=True)
    paths.po.write_bytes(buffer.getvalue().strip() + b"\n")
    paths.mo.write_bytes(compiled(texts))


def compiled(texts: Texts) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, texts)
    return buffer.getvalue()


def update(project: Path, languages: Iterable[str] = ()) -> None:
    texts = texts_of(project)
    if not texts:
        return
    for language in sorted({*languages_of(project), *languages}):
        paths = Paths.of(project, language)
        old = read(paths, language)
        new = merged(texts, old, language)
        write(paths, new)
        for key in messages_of(old).keys() - messages_of(new).keys():
            gone = forms_of(messages_of(old)[key])
            print(f"{paths.po.relative_to(project.parent)}: gone: {key[1]!r}, which was {gone}")
        empty = sum(not all(forms_of(message)) for message in messages_of(new).values())
        if empty:
            print(f"{paths.po.relative_to(project.parent)}: {empty} texts have no translation yet")
