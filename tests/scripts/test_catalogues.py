"""``scripts/catalogues``: what it reads, keeps and finds wrong, on a project of three files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from scripts.catalogues import checks, files
from scripts.catalogues.__main__ import main

MODULE = """
from django.utils.translation import gettext, gettext_lazy as _, ngettext_lazy, npgettext, pgettext

TITLE = _("A whole "
          "sentence.")
# Translators: on a button.
SAVE = pgettext("button", "Save")
# An ordinary comment.
SIZE = gettext("“%(filename)s” is too large.")
COUNT = ngettext_lazy("%(count)d picture", "%(count)d pictures", "count")
BOTH = npgettext("tiles", "%(count)d row", "%(count)d rows", 3)
"""
TEMPLATE = """{% load i18n %}<h1>{% translate "Change" %}</h1>
    {% comment %}Translators: a verb.{% endcomment %}
  {% translate 'Crop' context "verb" %} it's {{ value }}, (
{% blocktranslate trimmed with name=user.name %}
    Hello
    {{ name }}.
{% endblocktranslate %}
{% blocktranslate count n=many %}One file{% plural %}{{ n }} files{% endblocktranslate %}
{{ _("In a filter") }} {# _("In a comment") #}
"""
JINJA = """<p title="{{ gettext("A title") }}">{{ ngettext("One row", "%(num)d rows", n) }}</p>"""
EMPTY = re.compile(r'(msgstr(?:\[\d\])? )""$', re.MULTILINE)
#: Text and context.
TEXTS = {
    ("A whole sentence.", None),
    ("Save", "button"),
    ("“%(filename)s” is too large.", None),
    (("%(count)d picture", "%(count)d pictures"), None),
    (("%(count)d row", "%(count)d rows"), "tiles"),
    ("Change", None),
    ("Crop", "verb"),
    ("Hello %(name)s.", None),
    (("One file", "%(n)s files"), None),
    ("In a filter", None),
    ("A title", None),
    (("One row", "%(num)d rows"), None),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.setattr(files, "LANGUAGES", ("de",))
    monkeypatch.setattr("scripts.catalogues.__main__.PROJECTS", (tmp_path,))
    sources = {
        "app.py": MODULE,
        "templates/app/page.html": TEMPLATE,
        "jinja2/app/page.html": JINJA,
        "static/page.html": '{% translate "Nobody renders this" %}',
        "notes.txt": 'gettext("Nor this")',
    }
    for name, source in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    return tmp_path


@pytest.fixture
def only(project: Path) -> Any:
    """Leave the project one text, and translate it."""

    def only(source: str, *translations: str, language: str = "de") -> list[str]:
        for path in [*project.glob("*/app/page.html")]:
            path.unlink()
        (project / "app.py").write_text(source, "utf-8")
        files.update(project, [language])
        translate(project, *translations, language=language)
        compile_again(project, language)
        return [line for line in checks.check(project) if f"/{language}/" in line]

    return only


def po(project: Path, language: str = "de") -> Path:
    return project / "locale" / language / "LC_MESSAGES" / "django.po"


def translate(project: Path, *translations: str, language: str = "de") -> None:
    """Write translations into the empty places of a catalogue, one after the other."""
    path = po(project, language)
    head, rest = path.read_text("utf-8").split("\n\n", 1)
    for text in translations:
        rest = EMPTY.sub(rf'\1"{text}"', rest, count=1)
    path.write_text(f"{head}\n\n{rest}", "utf-8")


def compile_again(project: Path, language: str = "de") -> None:
    paths = files.Paths.of(project, language)
    paths.mo.write_bytes(files.compiled(files.read(paths, language)))


def wrong(project: Path) -> list[str]:
    """What the check finds, without the path of the file."""
    return [line.partition(": ")[2] for line in checks.check(project)]


class TestUpdate:
    def test_finds_every_text_of_modules_and_templates(self, project):
        found = {
            (message.id, message.context) for message in files.texts_of(project) if message.id
        }
        assert found == TEXTS

    def test_writes_the_remarks_for_translators_and_no_dates_or_lines(self, project):
        files.update(project)
        text = po(project).read_text("utf-8")
        assert '#. Translators: on a button.\n#: app.py\nmsgctxt "button"\nmsgid "Save"\n' in text
        assert '#. Translators: a verb.\n#: templates/app/page.html\nmsgctxt "verb"\n' in text
        assert "An ordinary comment." not in text
        assert not re.search(r"Date|Generator|Generated|\.py:\d", text)

    def test_of_what_is_up_to_date_changes_nothing(self, project):
        files.update(project)
        translate(project, *"abcdefghij")
        files.update(project)
        before = po(project).read_bytes(), po(project).with_suffix(".mo").read_bytes()
        files.update(project)
        assert (po(project).read_bytes(), po(project).with_suffix(".mo").read_bytes()) == before

    def test_keeps_what_is_translated_and_prints_what_is_gone(self, project, capsys):
        (project / "app.py").write_text('_("Stays")\n_("Goes")\n', "utf-8")
        files.update(project)
        text = po(project).read_text("utf-8")
        for name, word in (("Stays", "Bleibt"), ("Goes", "Geht")):
            text = text.replace(f'msgid "{name}"\nmsgstr ""', f'msgid "{name}"\nmsgstr "{word}"')
        po(project).write_text(f"# By Ada.\n{text}", "utf-8")
        (project / "app.py").write_text('_("Stays")\n_("Comes")\n', "utf-8")
        capsys.readouterr()
        files.update(project)
        assert "gone: 'Goes', which was ['Geht']\n" in capsys.readouterr().out
        text = po(project).read_text("utf-8")
        assert text.startswith("# By Ada.\n")
        assert '\nmsgid "Stays"\nmsgstr "Bleibt"\n' in text
        assert '\nmsgid "Comes"\nmsgstr ""\n' in text
        assert "Goes" not in text

    def test_takes_no_translation_of_one_form_for_a_text_that_now_has_several(self, only, project):
        assert only('_("%(count)d file")', "%(count)d Datei") == []
        source = 'ngettext("%(count)d file", "%(count)d files", 1)'
        (project / "app.py").write_text(source, "utf-8")
        files.update(project)
        assert 'msgstr[0] ""\nmsgstr[1] ""' in po(project).read_text("utf-8")

    def test_of_a_project_without_texts_writes_nothing(self, tmp_path):
        (tmp_path / "app.py").write_text("pass\n", "utf-8")
        files.update(tmp_path)
        assert not (tmp_path / "locale").exists()
        assert checks.check(tmp_path) == []

    def test_adds_a_language_with_its_plural_forms(self, project, monkeypatch):
        monkeypatch.setattr("sys.argv", ["catalogues", "update", "ru"])
        main()
        assert "nplurals=3" in po(project, "ru").read_text("utf-8")
        assert files.languages_of(project) == ["de", "ru"]


class TestCheck:
    def test_passes_what_is_complete(self, only):
        assert only('_("“%(filename)s” is empty.")', "„%(filename)s“ ist leer.") == []

    def test_finds_a_language_that_is_missing(self, project):
        assert wrong(project) == ["is missing"]

    def test_finds_what_is_not_translated(self, project):
        files.update(project)
        assert len(wrong(project)) == len(TEXTS)
        assert "not translated: 'A title'" in wrong(project)

    def test_finds_what_is_missing_and_what_is_stale(self, only, project):
        assert only('_("Old")', "Alt") == []
        (project / "app.py").write_text('_("New")', "utf-8")
        assert wrong(project) == [
            "missing: 'New'",
            "stale, no source has it any more: 'Old'",
        ]

    def test_finds_what_was_commented_out(self, only, project):
        assert only('_("New")', "Neu") == []
        with po(project).open("a", encoding="utf-8") as file:
            file.write('\n#~ msgid "Old"\n#~ msgstr "Alt"\n')
        assert wrong(project) == ["stale, and commented out: 'Old'"]

    def test_finds_what_is_only_guessed(self, only, project):
        assert only('_("New")', "Neu") == []
        text = po(project).read_text("utf-8").replace('\nmsgid "New"', '\n#, fuzzy\nmsgid "New"')
        po(project).write_text(text, "utf-8")
        assert "fuzzy: 'New'" in wrong(project)

    def test_finds_a_catalogue_that_was_not_compiled(self, only, project):
        assert only('_("New")', "Neu") == []
        po(project).write_text(po(project).read_text("utf-8").replace("Neu", "Neue"), "utf-8")
        assert wrong(project) == ["has changed since it was compiled"]
        po(project).with_suffix(".mo").unlink()
        assert wrong(project) == ["is not compiled"]

    def test_finds_a_catalogue_that_cannot_be_read(self, only, project):
        assert only('_("New")', "Neu") == []
        with po(project).open("a", encoding="utf-8") as file:
            file.write("\nmsgid without quotes\n")
        assert len(wrong(project)) == 1
        assert wrong(project)[0].startswith("cannot be read: ")

    @pytest.mark.parametrize(
        ("text", "translated", "problem"),
        [
            ("“%(filename)s”", "„%(name)s“", "placeholders differ"),
            ("“%(filename)s”", "leer", "placeholders differ"),
            ("%(count)d px", "%(count)s px", "placeholders differ"),
            ("%(a)s and %(b)s", "%(a)s und %(a)s", "placeholders differ"),
            ("%s of %d", "%d von %s", "placeholders differ"),
            ("%(part)s%% of it", "%(part)s %, also viel", "a single %"),
            ("<b>Now</b>", "<b>Jetzt<b>", "HTML tags differ"),
            ("<a href='%(url)s'>Log in</a>", "<a>Anmelden %(url)s</a>", "HTML tags differ"),
            ("Size: ", "Größe:", "spaces at the start or end differ"),
            ("Size", " Größe", "spaces at the start or end differ"),
        ],
    )
    def test_compares_a_translation_with_its_text(self, text, translated, problem, only):
        assert [line for line in only(f"_({text!r})", translated) if problem in line]

    def test_lets_the_separator_of_a_list_have_no_space(self, only):
        assert only('_(", ")', "、") == []

    @pytest.mark.parametrize(
        ("language", "translations", "problem"),
        [
            ("de", ["eine Datei", "%(count)d Dateien"], None),
            ("de", ["eine Datei", "viele Dateien"], "placeholders differ in 'viele Dateien'"),
            # 1, 21, 31 …
            ("ru", ["один файл", "%(count)d файла", "%(count)d файлов"], "placeholders differ"),
            ("ru", ["%(count)d файл", "%(count)d файла", "%(count)d файлов"], None),
            # 0 and 1
            ("fr", ["un fichier", "%(count)d de fichiers", "%(count)d fichiers"], "placeholders"),
        ],
    )
    def test_lets_a_form_for_one_number_leave_it_out(self, language, translations, problem, only):
        source = 'ngettext("%(count)d file", "%(count)d files", 1)'
        found = only(source, *translations, language=language)
        assert [problem in line for line in found] == ([True] if problem else [])

    def test_lets_a_form_for_none_and_one_be_as_the_text_is(self, only):
        source = 'ngettext("this file", "these %(count)d files", 1)'
        french = ["ce fichier", "ces %(count)d de fichiers", "ces %(count)d fichiers"]
        assert only(source, *french, language="fr") == []

    def test_counts_the_forms_of_a_plural(self, only, project):
        source = 'ngettext("%(count)d file", "%(count)d files", 1)'
        assert only(source, "%(count)d Datei", "%(count)d Dateien") == []
        text = po(project).read_text("utf-8").replace('msgstr[1] "%(count)d Dateien"\n', "")
        po(project).write_text(text, "utf-8")
        assert any("plural forms" in line or "not translated" in line for line in wrong(project))

    def test_knows_the_plural_forms_of_a_language(self, only, project):
        assert only('_("New")', "Neu", language="pl") == []
        text = po(project, "pl").read_text("utf-8")
        english = 'Plural-Forms: nplurals=2; plural=(n != 1);\\n"'
        text = text.replace(re.findall(r'Plural-Forms: [^"]*"', text)[0], english)
        po(project, "pl").write_text(text, "utf-8")
        problem = "the plural forms are not those of the language"
        assert [line for line in wrong(project) if line.startswith(problem)]

    @pytest.mark.parametrize(
        ("translated", "isolated"),
        [
            ("\u2068%(filename)s\u2069 ריק", True),
            ("\u2066%(filename)s × 2\u2069 ריק", True),
            ("%(filename)s ריק", False),
            ("\u2068%(filename)s ריק", False),
            ("\u2068\u2069 %(filename)s ריק", False),
            ("\u2068%(filename)s\u2069\u2069 ריק", False),
        ],
    )
    def test_asks_for_isolates_in_a_language_from_right_to_left(self, translated, isolated, only):
        found = only('_("%(filename)s is empty")', translated, language="he")
        assert [line for line in found if "U+2068" in line] == found
        assert bool(found) is not isolated

    def test_asks_for_no_isolates_around_a_number(self, only):
        assert only('_("%(count)d files")', "%(count)d קבצים", language="he") == []

    def test_ends_with_what_to_do(self, project, monkeypatch, capsys):
        monkeypatch.setattr("sys.argv", ["catalogues", "check"])
        with pytest.raises(SystemExit, match=r"^1 errors\. Run `python -m scripts"):
            main()
        assert capsys.readouterr().out.endswith("locale/de/LC_MESSAGES/django.po: is missing\n")

    def test_says_that_all_is_well(self, only, monkeypatch, capsys):
        assert only('_("New")', "Neu") == []
        monkeypatch.setattr("sys.argv", ["catalogues", "check"])
        main()
        assert capsys.readouterr().out.endswith("All catalogues are complete.\n")


def test_what_is_written_can_be_read_by_others(only, project):
    assert only('_("New")', "Neu") == []
    with po(project).open("rb") as file:
        assert read_po(file)["New"].string == "Neu"
