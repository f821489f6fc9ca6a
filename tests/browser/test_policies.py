"""Content-Security-Policy. All tests here run under a strict one; these are about others."""

from __future__ import annotations

import django
import pytest
from playwright.sync_api import expect

from django_avatar_kit.test import make_image
from tests.browser.site.policy import NONCED
from tests.browser.widget import Widget
from tests.testapp.models import Profile


def test_the_policy_is_there(page, profile):
    answer = page.goto("/avatar/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "img-src 'self' blob:" in policy
    assert "unsafe" not in policy


def test_the_kits_pages_work_where_only_a_nonce_is_trusted(page, pictured, settings):
    settings.SECURE_CSP = NONCED
    answer = page.goto("/avatar/")
    assert "'nonce-" in answer.headers["content-security-policy"]
    widget = Widget(page)
    widget.choose(make_image((640, 480)))
    widget.drag(-15, 0)
    assert widget.crop != ()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Your picture is saved.")).to_be_visible()
    page.goto("/avatar/delete/")
    page.locator("form button[type=submit]").click()
    page.wait_for_load_state()
    assert Profile.objects.get().avatar.name == ""


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django 6.1 brings csp_nonce_attr for media.")
def test_a_form_of_the_site_works_where_only_a_nonce_is_trusted(page, profile, settings):
    settings.SECURE_CSP = NONCED
    page.goto("/nonced/")
    widget = Widget(page)
    widget.choose(make_image((640, 480)))
    expect(widget.part("stage")).to_be_visible()


def test_nothing_is_fetched_from_elsewhere(page, profile):
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.partition("//")[2].split("/")[0]))
    page.goto("/avatar/")
    Widget(page).choose()
    assert {host for host in hosts if not host.startswith("blob:")} == {
        page.url.partition("//")[2].split("/")[0]
    }
