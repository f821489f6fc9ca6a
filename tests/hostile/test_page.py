"""What the other tests here rest upon: the page that sends uploads notices whatever goes wrong."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from django.core.files.base import ContentFile

from django_avatar_kit import forms, pipeline
from django_avatar_kit.uploads import imaging
from tests.support import images
from tests.support.corpus.base import MARKER, TAKEN


def test_an_upload_that_is_taken(page):
    outcome = page.upload(images.jpeg())
    assert (outcome.code, outcome.problems) == (TAKEN, [])


def test_an_upload_that_is_refused(page):
    outcome = page.upload(b"hello")
    assert (outcome.code, outcome.problems) == ("invalid_image", [])


def test_a_marker_in_what_is_stored(page, monkeypatch):
    encode = imaging.encode_master

    def careless(*arguments):
        master = encode(*arguments)
        return replace(master, data=master.data + MARKER)

    monkeypatch.setattr(imaging, "encode_master", careless)
    (problem,) = page.upload(images.jpeg()).problems
    assert problem.endswith(".jpg: plain")


def test_an_exception(page, monkeypatch):
    def fails(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "cut", fails)
    outcome = page.upload(images.jpeg())
    assert outcome.code == "ZeroDivisionError"
    assert outcome.problems == ["raised ZeroDivisionError()"]


@pytest.mark.parametrize("logger", ["", "django", "django_avatar_kit", "easy_thumbnails"])
def test_an_error_that_is_logged(page, monkeypatch, logger):
    receive = pipeline.receive

    def complains(*arguments, **options):
        logging.getLogger(logger).error("Oh no")
        return receive(*arguments, **options)

    monkeypatch.setattr(pipeline, "receive", complains)
    assert "logged: Oh no" in page.upload(images.jpeg()).problems


def test_a_file_that_no_row_names(page, storage):
    storage.save("left/behind.jpg", ContentFile(b"x"))
    assert page.upload(b"hello").problems == []
    first, *_ = page.upload(images.jpeg()).problems
    assert first.startswith("of the files ['avatars/")
    assert first.endswith(", 'left/behind.jpg']")


def test_a_file_that_a_refused_upload_leaves(page, monkeypatch, storage):
    receive = pipeline.receive

    def careless(upload, *arguments, **options):
        storage.save("left/behind.jpg", ContentFile(b"x"))
        return receive(upload, *arguments, **options)

    monkeypatch.setattr(pipeline, "receive", careless)
    (problem,) = page.upload(b"hello").problems
    assert problem == "of the files [], storage has ['left/behind.jpg']"


def test_an_upload_that_is_taken_and_not_saved(page, monkeypatch):
    monkeypatch.setattr(forms.AvatarForm, "save", lambda form, **options: form.instance)
    (problem,) = page.upload(images.jpeg()).problems
    assert problem == "the row had “” and has “”"
