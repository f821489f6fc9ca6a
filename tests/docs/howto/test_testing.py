"""The tests that docs/howto/testing.md shows pass."""

from __future__ import annotations

import unittest
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import models
from django.test.utils import isolate_apps

from tests.support.howtos import blocks, run

PLUGIN, PYTEST, FIXTURES, UNITTEST, CONTEXT, MODEL, CONFTEST = blocks("testing", "python")[:7]


def of_ours(code: str, model: str) -> dict[str, Any]:
    """A block whose ``Profile`` is one of the test app's models."""
    line = "from .models import Profile"
    assert line in code
    return run(
        code.replace(line, f"from tests.testapp.models import {model} as Profile"),
        __name__=__name__,
    )


def test_the_plugin_is_the_one_that_all_tests_have(request):
    (name,) = run(PLUGIN)["pytest_plugins"]
    assert request.config.pluginmanager.has_plugin(name)


@pytest.mark.usefixtures("small")
def test_the_example_for_pytest(client, django_user_model, db):
    test = of_ours(PYTEST, "Profile")["test_a_replaced_portrait_is_gone"]
    test(client, django_user_model, db)


@pytest.mark.django_db
def test_the_examples_of_fixtures(client, storage_calls):
    names = run(FIXTURES)
    names["test_a_page_of_people_asks_no_storage"](client, None, storage_calls)
    names["test_our_import_leaves_nothing_behind"](client)


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
def test_the_example_for_unittest():
    case = of_ours(UNITTEST, "Team")["PortraitTests"]
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


def test_the_context_manager(capsys):
    run(CONTEXT)
    assert capsys.readouterr().out == "set()\n"


@isolate_apps("tests.testapp")
def test_the_example_for_a_field_with_a_storage_of_its_own(tmp_path, avatar_storages, monkeypatch):
    names = run(MODEL, models=models, BASE_DIR=tmp_path, __name__="tests.testapp.reports")
    report = names["Report"]
    line = "from .models import Report\n"
    assert line in CONFTEST
    fixture = run(CONFTEST.replace(line, ""), Report=report)["isolated_reports"]
    report().document.save("a.txt", ContentFile(b"a"), save=False)
    # Without the fixture, the file is in the folder of the site.
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["a.txt"]
    assert avatar_storages.keys() == set()
    fixture.__wrapped__(avatar_storages, monkeypatch)
    report().document.save("b.txt", ContentFile(b"b"), save=False)
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["a.txt"]
    assert avatar_storages.keys() == {"b.txt"}
