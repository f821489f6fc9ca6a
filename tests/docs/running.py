"""Runs the examples of the documentation; prints what failed, as JSON. ``python -m`` starts it.

Each page has a process of its own, so that models, admins and receivers of one page are not there
for the next. The blocks of a page are run in order and share their names, as a reader would have
them in their project.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.apps import apps
from django.conf import global_settings, settings
from django.core import checks
from django.core.management import call_command
from django.db import connection
from django.template import engines
from django.test import RequestFactory, override_settings

from tests.support.markdown import ROOT, Part, blocks_of, parts_of

SITE, MORE = "tests.docs.people", "tests.docs.more"
#: Done step by step by ``test_tutorial.py``, and so not run once more.
WALKED = ROOT / "docs" / "tutorial"
#: What every project has at the top of its files. A block need not import it again.
COMMON = """
from pathlib import Path
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db import models
from django.urls import include, path
from django_avatar_kit.admin import AvatarAdminMixin, HasAvatarFilter
from django_avatar_kit.fields import AvatarField
from django_avatar_kit.forms import AvatarForm
from django_avatar_kit.models import AvatarMixin
from django_avatar_kit.test import make_upload
from django_avatar_kit.views import AvatarChangeView, AvatarDeleteView
from tests.docs.people.models import Comment, Profile, Team

BASE_DIR = Path("/nowhere")
INSTALLED_APPS, MIDDLEWARE, TEMPLATES, urlpatterns = [], [], [], []
STORAGES, AVATAR_KIT = dict(settings.STORAGES), dict(settings.AVATAR_KIT)
"""
#: Settings that are put in force after the block that makes them, and checked.
CHECKED_SETTINGS = ("AVATAR_KIT", "STORAGES")


def project() -> dict[str, Any]:
    """What a block may use without saying where it comes from: a project, and rows in it."""
    known: dict[str, Any] = {"__name__": f"{SITE}.page", "__package__": SITE}
    exec(COMMON, known)  # noqa: S102 - ours
    user = known["User"].objects.create_user("ada", first_name="Ada", email="ada@example.org")
    request = RequestFactory().post("/", {"avatar": known["make_upload"]()})
    request.user = user
    team = known["Team"].objects.create(name="Engines", captain=user)
    team.members.add(user)
    return {
        **known,
        "request": request,
        "user": user,
        "profile": known["Profile"].objects.create(user=user, avatar=known["make_upload"]()),
        "team": team,
        "users": known["User"].objects.all(),
        "people": known["User"].objects.all(),
        "comments": [known["Comment"].objects.create(author=user)],
        "file": known["make_upload"](),
        "upload": known["make_upload"](),
    }


# -- Python ---------------------------------------------------------------------------------------


def run_python(block: Part, known: dict[str, Any]) -> None:
    """Execute a block. Raises whatever it raises, and an error for settings that are wrong."""
    tree = parse(block.text)
    tree.body = [node for node in tree.body if not is_own_import(node, known)]
    known["__name__"] = f"{_app_for(tree)}.page"
    for node in tree.body:
        code = compile(ast.Module([node], []), block.place, "exec")
        exec(code, known)  # noqa: S102 - what the reader runs
        if isinstance(node, ast.ClassDef):
            _make_table(known[node.name])
    _make_module(block.text, known)
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    # Those of other packages are in force for the blocks below.
    for name in filter(str.isupper, assigned - set(CHECKED_SETTINGS) - set(dir(global_settings))):
        setattr(settings, name, known[name])
    if assigned.isdisjoint(CHECKED_SETTINGS):
        return
    with override_settings(**{name: known[name] for name in CHECKED_SETTINGS}):
        found = checks.run_checks()
    wrong = [str(each) for each in found if (each.id or "").startswith("avatar_kit.E")]
    assert not wrong, wrong


def _app_for(tree: ast.Module) -> str:
    """The app of a block's models. A page may define a model that the project has already."""
    names = {node.name.lower() for node in tree.body if isinstance(node, ast.ClassDef)}
    if names.isdisjoint(apps.all_models["people"]):
        return SITE
    for name in names & apps.all_models["more"].keys():
        _in_schema("delete_model", apps.all_models["more"].pop(name))
    apps.clear_cache()
    return MORE


def _make_table(defined: Any) -> None:
    """What follows may read and save rows of a model that was defined."""
    options = getattr(defined, "_meta", None)
    if getattr(options, "managed", False) and not (options.abstract or options.proxy):
        _in_schema("create_model", defined)


def _in_schema(change: str, model: Any) -> None:
    # SQLite changes a schema only where it looks at no foreign keys.
    with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
        getattr(editor, change)(model)


def _make_module(text: str, known: dict[str, Any]) -> None:
    """Let settings name what a block defines whose first line is ``# people/names.py``."""
    if path := re.match(r"# (\w+)/(\w+)\.py\b", text):
        for name in (path[1], f"{path[1]}.{path[2]}"):
            module = sys.modules.setdefault(name, ModuleType(name))
            vars(module).update({key: known[key] for key in known if not key.startswith("__")})


def parse(text: str) -> ast.Module:
    """A block as a module. It may also be items of a list, a dictionary or a call."""
    text = textwrap.dedent(text)
    if text.rstrip().endswith(","):
        for before, after in (("[", "]"), ("{", "}"), ("dict(", ")")):
            with suppress(SyntaxError):
                return ast.parse(f"{before}{text}\n{after}")
    return ast.parse(text)


def is_own_import(node: ast.stmt, known: dict[str, Any]) -> bool:
    """True of ``from .models import Profile``. Raises if neither project nor page have it."""
    if not isinstance(node, ast.ImportFrom) or not node.level:
        return False
    for alias in node.names:
        if node.module is None:
            module = known[alias.asname or alias.name] = ModuleType(alias.name)
            vars(module).update(known)
        else:
            assert alias.name in known, f"No block above defines {alias.name}."
            known[alias.asname or alias.name] = known[alias.name]
    return True


def run_session(block: Part, known: dict[str, Any]) -> None:
    """Type what stands behind ``>>>``, and compare with the lines below it."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    text = block.text.replace("…", "...") + "\n"
    example = doctest.DocTestParser().get_doctest(text, known, block.place, None, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=options, verbose=False)
    runner.run(example, out=said.append, clear_globs=False)
    known.update(example.globs)
    assert not runner.failures, "".join(said)


# -- Templates ------------------------------------------------------------------------------------


def run_template(block: Part, known: dict[str, Any]) -> None:
    """Render a template with the rows of the project."""
    # Its views ask for models, which are there by now.
    from tests import urls

    addresses = ModuleType("addresses")
    vars(addresses)["urlpatterns"] = [*urls.urlpatterns, *known["urlpatterns"]]
    with override_settings(ROOT_URLCONF=addresses):
        engines["django"].from_string(block.text).render(known, known["request"])


# -- Pages ----------------------------------------------------------------------------------------

RUN: dict[str, Callable[[Part, dict[str, Any]], None]] = {
    "python": run_python,
    "pycon": run_session,
    "django": run_template,
}
#: A path in a text, in a string of code, or in a directive of Sphinx.
DOTTED = re.compile(r"(?<![\w./-])django_avatar_kit(?:\.\w+)+(?!/)")


def of_another_package(error: Exception, block: Part) -> bool:
    """True where a package is missing here of which the page says that it was tried with it.

    Such a page says “tried with Wagtail 8.0”: the package and the version, for nobody else can
    know for how long that holds.
    """
    if isinstance(error, ModuleNotFoundError):
        name = (error.name or "").partition(".")[0]
    elif library := re.match(r"'(\w+)' is not a registered tag library", str(error)):
        name = library[1]
    else:
        return False
    tried = re.findall(r"tried\s+with\s+([\w-]+) \d", block.page.read_text("utf-8"))
    words = [word.lower() for each in tried for word in each.split("-")]
    return find_spec(name) is None and any(name.startswith(word) for word in words)


def run_page(page: Path) -> Iterator[tuple[str, str]]:
    """The places on a page where something is wrong, and what."""
    known = project()
    from django_avatar_kit import fields

    # What example.org answers.
    fields.download = lambda url, rules=None: known["make_upload"]()
    if page.parent != WALKED:
        for block in blocks_of(page, *RUN):
            if failure := run_block(block, known):
                yield block.place, failure
    for part in parts_of(page):
        for dotted in DOTTED.findall(part.text):
            if not leads_somewhere(dotted):
                yield f"{part.place} {dotted}", "The kit has nothing there."


def run_block(block: Part, known: dict[str, Any]) -> str:
    """What fails; "" where nothing does."""
    try:
        RUN[block.language](block, known)
    except Exception as error:  # noqa: BLE001 - whatever an example raises is its failure
        if not of_another_package(error, block):
            return f"{type(error).__name__}: {error}{_line(error, block)}"
    return ""


def leads_somewhere(dotted: str) -> bool:
    with suppress(ImportError, AttributeError):
        resolved(dotted)
        return True
    return False


def resolved(dotted: str) -> Any:
    """The module, or what is in one, that a dotted path names. Raises where there is none."""
    try:
        return import_module(dotted)
    except ModuleNotFoundError:
        outer, _, name = dotted.rpartition(".")
        return inspect.getattr_static(resolved(outer), name)


def _line(error: Exception, block: Part) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == block.place]
    return f" (line {lines[-1]} of the block)" if lines else ""


def run_in_a_process(page: Path) -> list[list[str]]:
    reader, writer = os.pipe()
    if not os.fork():
        # What an example prints is not among the answers.
        with os.fdopen(writer, "w") as pipe, redirect_stdout(sys.stderr):
            json.dump(list(run_page(page)), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.wait()
    failures: list[list[str]] = json.loads(text)
    return failures


def main(names: list[str]) -> None:
    """Run the blocks of these pages."""
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    failures = [each for name in names for each in run_in_a_process(Path(name))]
    json.dump(failures, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
