"""What can be wrong with a catalogue."""

from __future__ import annotations

import io
import re
from gettext import GNUTranslations, c2py
from typing import TYPE_CHECKING, Any

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import PoFileError

from .files import Paths, Texts, compiled, forms_of, languages_of, messages_of, read, texts_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from babel.messages.catalog import Message

#: "%(name)s", "%d", and "%%".
PLACEHOLDER = re.compile(r"%(?:\((?P<name>\w+)\))?(?P<type>[#0 +-]*\d*(?:\.\d+)?[a-zA-Z%])")
TAG = re.compile(r"</?[a-zA-Z][^>]*>")
#: Around a text of unknown or other direction: FSI, LRI or RLI, and PDI at its end.
ISOLATES, ISOLATE_END = "\u2066\u2067\u2068", "\u2069"
#: Numbers for which plural forms are compared: all remainders that matter, and millions.
NUMBERS = (*range(1001), 999_999, 1_000_000, 1_000_001, 1_000_002, 2_000_000, 1_000_000_000)


def check(project: Path) -> list[str]:
    """What is wrong with the catalogues of a project, a line each."""
    texts = texts_of(project)
    wrong: list[str] = []
    for language in languages_of(project) if texts else ():
        paths = Paths.of(project, language)
        try:
            found = list(check_language(paths, language, texts))
        except (OSError, ValueError, PoFileError, UnknownLocaleError) as error:
            found = [f"cannot be read: {error}"]
        wrong += [f"{paths.po.relative_to(project.parent)}: {line}" for line in found]
    return wrong


def check_language(paths: Paths, language: str, texts: Texts) -> Iterator[str]:
    if not paths.po.exists():
        yield "is missing"
        return
    catalog = read(paths, language)
    wanted, there = messages_of(texts), messages_of(catalog)
    for key in sorted(wanted.keys() - there.keys()):
        yield f"missing: {key[1]!r}"
    for key in sorted(there.keys() - wanted.keys()):
        yield f"stale, no source has it any more: {key[1]!r}"
    for obsolete in catalog.obsolete.values():
        yield f"stale, and commented out: {obsolete.id!r}"
    if catalog.fuzzy:
        yield "the header is marked as fuzzy"
    yield from check_header(catalog, language)
    numbers = numbers_of_forms(catalog)
    right_to_left = Locale.parse(language).text_direction == "rtl"
    for key in sorted(wanted.keys() & there.keys()):
        for problem in check_message(wanted[key], there[key], numbers, isolated=right_to_left):
            yield f"{problem}: {key[1]!r}"
    if not paths.mo.exists():
        yield "is not compiled"
    elif strings_in(paths.mo.read_bytes()) != strings_in(compiled(catalog)):
        yield "has changed since it was compiled"


def strings_in(compiled_catalogue: bytes) -> dict[Any, str]:
    translations = GNUTranslations(io.BytesIO(compiled_catalogue))
    return vars(translations)["_catalog"]  # type: ignore[no-any-return]


def numbers_of_forms(catalog: Texts) -> dict[int, set[int]]:
    """Which of some numbers each plural form serves."""
    form_for = c2py(catalog.plural_expr)
    served: dict[int, set[int]] = {form: set() for form in range(catalog.num_plurals)}
    for number in NUMBERS:
        served.setdefault(form_for(number), set()).add(number)
    return served


def check_header(catalog: Texts, language: str) -> Iterator[str]:
    """Whether the plural forms are those of Unicode's CLDR, which Babel holds."""
    category = Locale.parse(language).plural_form
    wanted: dict[str, set[int]] = {}
    for number in NUMBERS:
        wanted.setdefault(category(number), set()).add(number)
    served = numbers_of_forms(catalog)
    if sorted(map(sorted, served.values())) != sorted(map(sorted, wanted.values())):
        yield f"the plural forms are not those of the language: {catalog.plural_forms}"


def check_message(
    source: Message, message: Message, numbers: dict[int, set[int]], *, isolated: bool
) -> Iterator[str]:
    """What is wrong with one translation. ``isolated``: in a language from right to left."""
    forms = forms_of(message)
    if message.fuzzy:
        yield "fuzzy"
    if source.pluralizable != message.pluralizable:
        yield "has a plural in one of source and catalogue only"
        return
    if not all(form.strip() for form in forms):
        yield "not translated"
        return
    if message.pluralizable and len(forms) != len(numbers):
        yield f"has {len(forms)} plural forms, not {len(numbers)}"
        return
    texts = (source.id,) if isinstance(source.id, str) else tuple(source.id)
    for index, form in enumerate(forms):
        # A form for one number alone need not name it ("one picture"), nor one for 0 and 1 where
        # the English text does not ("this picture").
        served = numbers[index] if message.pluralizable else set()
        optional = {"count"} if len(served) == 1 else set()
        if served and served <= {0, 1}:
            optional |= {
                name for name, _ in placeholders_of(texts[-1]) - placeholders_of(texts[0])
            }
        yield from check_form(texts[-1], form, optional, isolated=isolated)


def check_form(text: str, form: str, optional: set[str], *, isolated: bool) -> Iterator[str]:
    wanted, there = placeholders_of(text), placeholders_of(form)
    if there - wanted or {name for name, _ in wanted - there} - optional:
        yield f"placeholders differ in {form!r}"
    if wanted and "%" in PLACEHOLDER.sub("", form):
        yield f"a single % in {form!r}"
    if sorted(TAG.findall(text)) != sorted(TAG.findall(form)):
        yield f"HTML tags differ in {form!r}"
    # What stands between the items of a list may have no space in another language.
    words = any(character.isalpha() for character in text)
    if words and spaces_around(text) != spaces_around(form):
        yield f"spaces at the start or end differ in {form!r}"
    if isolated and not isolates(form):
        yield f"a value is not between U+2068 and U+2069 in {form!r}"


def spaces_around(text: str) -> tuple[bool, bool]:
    return text[:1].isspace(), text[-1:].isspace()


def placeholders_of(text: str) -> set[tuple[str, str]]:
    """Names and types. Those without a name are numbered."""
    found = [match for match in PLACEHOLDER.finditer(text) if match["type"] != "%"]
    return {(match["name"] or str(at), match["type"]) for at, match in enumerate(found)}


def isolates(form: str) -> bool:
    """Whether every value except a whole number stands in an isolate, and every isolate ends.

    Values are file names, formats and sizes. In a sentence from right to left, the words and
    punctuation around a Latin one would change places.
    """
    depth = 0
    for match in re.finditer(rf"[{ISOLATES}{ISOLATE_END}]|{PLACEHOLDER.pattern}", form):
        if match[0] in ISOLATES:
            depth += 1
        elif match[0] == ISOLATE_END:
            depth -= 1
        elif not depth and match["type"] not in {"d", "%"}:
            return False
        if depth < 0:
            return False
    return depth == 0
