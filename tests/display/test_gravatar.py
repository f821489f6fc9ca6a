from __future__ import annotations

import re
from hashlib import sha256

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured

from django_avatar_kit.fallbacks import Gravatar, get_fallbacks
from django_avatar_kit.rendering import avatar_html, avatar_url, get_face
from tests.testapp.models import Profile, Team

HASH = sha256(b"ada@example.org").hexdigest()
BASE_URL = (
    "base_url is {}. It must begin with https://, http:// or /, and have neither a query nor a "
    "fragment"
)
BASE = f"https://gravatar.com/avatar/{HASH}"


def ada(**fields: object) -> User:
    return User(pk=1, username="ada", **{"email": "ada@example.org", **fields})


def test_url() -> None:
    assert Gravatar().url(ada(), 64) == f"{BASE}?s=64&d=mp"


def test_markup() -> None:
    """The page's own address is kept from that server."""
    assert Gravatar().html(ada(), 40, 'A "B"', {"loading": "lazy", "hidden": True}) == (
        f'<img src="{BASE}?s=40&amp;d=mp"'
        f' srcset="{BASE}?s=80&amp;d=mp 2x, {BASE}?s=120&amp;d=mp 3x"'
        ' width="40" height="40" alt="A &quot;B&quot;" referrerpolicy="no-referrer"'
        ' loading="lazy" hidden>'
    )
    assert ' referrerpolicy="origin">' in str(
        Gravatar().html(ada(), 40, "", {"referrerpolicy": "origin"})
    )


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"default": None}, f"{BASE}?s=64"),
        ({"default": "404"}, f"{BASE}?s=64&d=404"),
        ({"default": 404}, f"{BASE}?s=64&d=404"),
        ({"default": "identicon", "rating": "pg"}, f"{BASE}?s=64&d=identicon&r=pg"),
        (
            {"default": 'https://example.org/no body.png?a=1&b="'},
            f"{BASE}?s=64&d=https%3A%2F%2Fexample.org%2Fno+body.png%3Fa%3D1%26b%3D%22",
        ),
        (
            {"base_url": "https://seccdn.libravatar.org/avatar/", "largest": 32},
            f"https://seccdn.libravatar.org/avatar/{HASH}?s=32&d=mp",
        ),
        ({"base_url": "https://faces.example.org"}, f"https://faces.example.org/{HASH}?s=64&d=mp"),
        ({"base_url": "http://[::1]:8080/a"}, f"http://[::1]:8080/a/{HASH}?s=64&d=mp"),
        ({"base_url": "/proxy"}, f"/proxy/{HASH}?s=64&d=mp"),
        ({"base_url": "/"}, f"/{HASH}?s=64&d=mp"),
    ],
    ids=str,
)
def test_options(options, url) -> None:
    assert Gravatar(**options).url(ada(), 64) == url


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default": ""}, "default is ''. It must be a text such as 'mp', or None"),
        ({"default": 5}, "default is 5. It must be a text such as 'mp', or None"),
        ({"rating": "PG-13"}, "rating is 'PG-13'. It must be one of g, pg, r, x, or None"),
        ({"largest": 0}, "largest is 0. It must be a number of px, 1 or more"),
        ({"largest": "512"}, "largest is '512'. It must be a number of px, 1 or more"),
        *[
            ({"base_url": url}, BASE_URL.format(repr(url)))
            for url in (None, "", "a.org", "ftp://a/", "https://", "https://a/?b", "/#", "/a b")
        ],
    ],
    ids=str,
)  # fmt: skip
def test_wrong_options(settings, options, message) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": [{"BACKEND": "gravatar", "OPTIONS": options}]}

    with pytest.raises(ImproperlyConfigured) as caught:
        get_fallbacks()

    assert str(caught.value) == f"OPTIONS of the fallback “gravatar”: {message}"


@pytest.mark.parametrize("email", [" ada@example.org\n", "ADA@Example.ORG", "\tAda@example.org"])
def test_addresses_are_trimmed_and_lower_case(email) -> None:
    assert Gravatar().url(ada(email=email), 64) == f"{BASE}?s=64&d=mp"


def test_longest_address() -> None:
    assert Gravatar().url(ada(email=f"a@{'b' * 252}"), 64)


def test_address_of_another_script() -> None:
    digest = sha256("jürgen@müller.example".encode()).hexdigest()

    assert f"/{digest}?" in str(Gravatar().url(ada(email="Jürgen@MÜLLER.example"), 64))


@pytest.mark.parametrize(
    "email",
    [
        *["", " ", None, 5, "ada", "@", "a@", "@b", b"a@b", "\ud800"],
        pytest.param("a@" + "b" * 253, id="255 characters"),
        pytest.param("@" * 10**6, id="a million characters"),
    ],
)
def test_no_address(email) -> None:
    assert Gravatar().url(ada(email=email), 64) is None
    assert Gravatar().html(ada(email=email), 64, "", {}) is None


@pytest.mark.parametrize(
    ("size", "srcset"),
    [
        (682, "s=1364&d=mp 2x, s=2046&d=mp 3x"),
        (1024, "s=2048&d=mp 2x"),
        (1100, "s=2048&d=mp 2x"),
        (2048, ""),
        (5000, ""),
    ],
)
def test_no_picture_is_wider_than_the_server_has(size, srcset) -> None:
    assert Gravatar().url(ada(), size) == f"{BASE}?s={min(size, 2048)}&d=mp"
    assert Gravatar().srcset(ada(), size).replace(f"{BASE}?", "") == srcset


def test_addresses_in_another_column() -> None:
    class Contact(User):
        EMAIL_FIELD = "contact"

        class Meta:
            app_label = "testapp"
            proxy = True

    contact = Contact(email="other@example.org")
    assert Gravatar().url(contact, 64) is None
    vars(contact)["contact"] = "ada@example.org"
    assert Gravatar().url(contact, 64) == f"{BASE}?s=64&d=mp"


def test_addresses_of_the_sites_own() -> None:
    class Mine(Gravatar):
        def email(self, owner):
            return "ada@example.org" if owner.name else ""

    assert Mine().url(Team(name="Rockets"), 64) == f"{BASE}?s=64&d=mp"
    assert Mine().url(Team(), 64) is None


# --- in the chain ---


@pytest.fixture
def chain(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": ["gravatar", "static"]}


STATIC = "/static/avatar_kit/default.svg"


def test_first_that_answers_gives_markup_and_url(chain, db, django_assert_num_queries) -> None:
    user = User.objects.create(username="ada", email="ada@example.org")
    Profile.objects.create(user=user)
    user = User.objects.select_related("profile").get()

    with django_assert_num_queries(0):
        face = get_face(user, 64)
        assert avatar_url(user, 64) == face.src == f"{BASE}?s=64&d=mp"
    assert face.srcset == f"{BASE}?s=128&d=mp 2x, {BASE}?s=192&d=mp 3x"
    assert face.html == avatar_html(user, 64)
    assert face.html.startswith(f'<img src="{BASE}?s=64&amp;d=mp" srcset="')
    profile = Profile.objects.select_related("user").get()
    assert avatar_url(profile, 64) == avatar_url(profile.avatar, 64) == face.src


@pytest.mark.parametrize("owner", [None, "", AnonymousUser(), Team(name="Rockets")])
def test_owners_without_an_address(chain, owner) -> None:
    assert avatar_url(owner, 64) == STATIC
    assert re.match(f'<img src="{STATIC}" width="64"', avatar_html(owner, 64))


def test_nothing_is_loaded_for_an_address(chain, db, django_assert_num_queries) -> None:
    user = User.objects.create(username="ada", email="ada@example.org")
    Profile.objects.create(user=user)

    deferred = User.objects.select_related("profile").defer("email").get()
    profile = Profile.objects.get()
    with django_assert_num_queries(0):
        assert avatar_url(deferred, 64) == avatar_url(profile, 64) == STATIC
        assert STATIC in avatar_html(deferred, 64)
        assert STATIC in avatar_html(profile, 64)
