"""What the kit promises to sites: which modules are public, what is in them, and how it is told.

A module is public if it has ``__all__``. What counts is the source: names that Django adds to a
class, such as the ``objects`` of a model, are Django's.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from easy_thumbnails.files import Thumbnailer

import django_avatar_kit

PACKAGE = django_avatar_kit.__name__

#: Rooms and modules that are not public, with all that is below them.
INTERNAL = frozenset(
    {
        "admin.actions",
        "admin.fields",
        "apps",
        "checks",
        "columns",
        "conf",
        "contrib.rest_framework.schema",
        "crops",
        "display",
        "fetching",
        "field_settings",
        "formats",
        "interruptions",
        "lazy",
        "lifecycle",
        "maintenance",
        "missing_files",
        "management",
        "picture_views",
        "pipeline",
        "recutting",
        "sockets",
        "storage",
        "templatetags",
        "tokens",
        "uploads",
        "view_answers",
        "view_targets",
        "widget_data",
        "wording",
    }
)
#: Modules of an app that Django finds by name. They are public only if they have ``__all__``.
FOUND_BY_DJANGO = frozenset({"admin", "apps", "templatetags"})


def module_names() -> list[str]:
    """The dotted names of all modules that are not internal; nothing is imported but packages."""
    return sorted(_walk(django_avatar_kit))


def _walk(package: ModuleType) -> Iterator[str]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        inside = found.name.removeprefix(f"{PACKAGE}.")
        last = inside.rpartition(".")[2]
        if inside in INTERNAL or last.startswith("_") or last in {"management", "migrations"}:
            continue
        yield found.name
        if found.ispkg:
            yield from _walk(import_module(found.name))


def says_what_is_public(name: str) -> bool:
    """Whether a module has ``__all__``, or needs none.

    An empty one needs none, nor one that Django finds, nor one whose names its package passes on.
    """
    module, (parent, _, last) = import_module(name), name.rpartition(".")
    if hasattr(module, "__all__") or not definitions(module):
        return True
    package = import_module(parent)
    passed_on = {getattr(package, each).__module__ for each in getattr(package, "__all__", ())}
    return parent != PACKAGE and (last in FOUND_BY_DJANGO or name in passed_on)


def public_modules() -> list[str]:
    """Those with ``__all__``."""
    return [name for name in module_names() if hasattr(import_module(name), "__all__")]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A public name, or a member of a public class."""

    path: str
    """``module.Class.member``, where it is imported from."""
    home: str
    """The same where it is defined: a member may be one of a base class."""
    node: ast.AST
    """Where it is defined."""
    lines: list[str]
    """The source of the module in which it is defined."""
    is_told_by_base: bool = False
    """Whether it overrides what a base class describes: one of the kit's, or a framework's."""

    @property
    def is_described(self) -> bool:
        if self.is_told_by_base:
            return True
        if isinstance(self.node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            return bool(ast.get_docstring(self.node))
        return self._has_comment()

    @property
    def lacks(self) -> list[str]:
        """Parameters without an annotation, and ``return``."""
        if not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        given = self.node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        bare = [arg.arg for arg in every if arg is not None and arg.annotation is None]
        missing = [name for name in bare if name not in {"self", "cls"}]
        return missing if self.node.returns is not None else [*missing, "return"]

    def _has_comment(self) -> bool:
        """``#:`` before or behind an attribute, or a text on the next line, as Sphinx reads."""
        first, last = self.node.lineno, self.node.end_lineno
        before, behind = self.lines[first - 2].strip(), self.lines[last : last + 1]
        text = bool(behind) and behind[0].strip().startswith('"""')
        return before.startswith("#:") or "#:" in self.lines[last - 1] or text


def parts(module_name: str) -> list[Part]:
    """All that a public module promises: its names, and the members of its classes."""
    module = import_module(module_name)
    found = []
    for name in module.__all__:
        value, path = getattr(module, name), f"{module_name}.{name}"
        home = module
        if name not in definitions(module):
            # Imported from another module, so that sites find it in this one.
            home = import_module(value.__module__)
        node = definitions(home)[name]
        origin = f"{home.__name__}.{name}"
        found.append(Part(path=path, home=origin, node=node, lines=_source(home)))
        if isinstance(value, type):
            found += _members(value, path)
    return found


def _members(cls: type, path: str) -> Iterator[Part]:
    """What the kit defines on a class; of several definitions the one that counts."""
    kit = [base for base in cls.__mro__ if base.__module__.startswith(PACKAGE)]
    # Those of a framework are described there.
    described = {name for base in cls.__mro__ if base not in kit for name in _known(base)}
    found: dict[str, Part] = {}
    for base in reversed(kit):
        home = import_module(base.__module__)
        body: Any = definitions(home)[base.__name__]
        for name, node in _named(body.body).items():
            if name.startswith("_") or isinstance(node, ast.ClassDef):
                continue
            part = Part(
                path=f"{path}.{name}",
                home=f"{base.__module__}.{base.__name__}.{name}",
                node=node,
                lines=_source(home),
                is_told_by_base=name in described,
            )
            found[name] = part
            if part.is_described:
                described.add(name)
    yield from found.values()


def _known(cls: type) -> Iterator[str]:
    """The names that a class has, with what its instances get."""
    yield from vars(cls)
    for method in ("__init__", "setup"):
        code = getattr(vars(cls).get(method), "__code__", None)
        yield from code.co_names if code else ()
    if cls is Thumbnailer:
        # It sets more of them in a loop.
        yield from vars(Thumbnailer(name=""))


@cache
def definitions(module: ModuleType) -> dict[str, ast.AST]:
    """What the source of a module defines at its top."""
    return _named(ast.parse("\n".join(_source(module))).body)


@cache
def _source(module: ModuleType) -> list[str]:
    # Not inspect.getsource(), which fails for an empty file.
    return Path(str(module.__file__)).read_text("utf-8").splitlines()


def _named(body: list[ast.stmt]) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            # The first of a name: the others are the setters of a property.
            found.setdefault(node.name, node)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, node)
    return found
