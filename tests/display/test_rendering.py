from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.utils.functional import lazystr
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy, override

from django_avatar_kit.checks import check_settings
from django_avatar_kit.display import absolute_urls
from django_avatar_kit.display.html import attribute_names
from django_avatar_kit.fallbacks import Initials
from django_avatar_kit.names import Name
from django_avatar_kit.rendering import (
    Face,
    avatar_html,
    avatar_url,
    clean_size,
    get_face,
    has_avatar,
)
from django_avatar_kit.test import make_upload
from tests.testapp.models import Channel, Team

TOKEN = "3f9c0123456789abcdef0123456789e1"
STEM = f"/media/avatars/3f/{TOKEN}"
SRCSET = f"{STEM}.128.webp 2x, {STEM}.256.webp 3x"
AVIF = SRCSET.replace("webp", "avif")
#: Sealed with the key in tests/settings.py.
SILHOUETTE = "/avatar/initials/rmovwubxuzx3lr5ida6xc5r4naaubw7myqcn5tzu.svg"


def key(
    sizes: str = "32_64_128_256_512", formats: str = "webp", folder: str = "avatars/3f/"
) -> str:
    return f"{folder}{TOKEN}-5be1012345670707-k1-1000x750-{sizes}-{formats}-full-7a6a5c.jpg"


def rockets(**options: str) -> Team:
    return Team(pk=1, name="Rockets", avatar=key(**options))


class SigningStorage(FileSystemStorage):
    """Stands for a bucket: each URL is computed, and has what HTML must escape."""

    def url(self, name: str | None) -> str:
        return f"https://cdn.example.org/{name}?a=1&b=2"


# --- what a picture looks like ---


def test_markup() -> None:
    assert avatar_html(rockets(), 64, class_="rounded") == (
        f'<img src="{STEM}.64.webp" srcset="{SRCSET}" width="64" height="64"'
        ' alt="Rockets" loading="lazy" class="rounded">'
    )
    assert type(avatar_html(rockets(), 64)) is SafeString


def test_no_files_are_touched_and_no_query_is_made(storage) -> None:
    # Without the mark of a test that uses the database, a query is an error.
    avatar_html(rockets(), 64)
    avatar_html(Team(avatar="old/face.png"), 64)
    avatar_url(rockets(), 64)
    str(get_face(rockets(), 64))
    has_avatar(rockets())

    assert storage.calls == []


@pytest.mark.django_db
def test_urls_are_those_of_the_files(storage, files) -> None:
    team = Team.objects.create(name="Rockets", avatar=make_upload(size=(600, 600)))
    face = get_face(team, 64)

    urls = {face.src, *(each.split()[0] for each in face.srcset.split(", "))}
    assert len(urls) == 3
    assert urls < {f"/media/{file}" for file in files()}


def test_default_size(settings) -> None:
    assert 'width="64" height="64"' in avatar_html(rockets())
    settings.AVATAR_KIT = {"DEFAULT_SIZE": 40}
    assert avatar_html(rockets()) == (
        f'<img src="{STEM}.64.webp" srcset="{STEM}.128.webp 2x" width="40" height="40"'
        ' alt="Rockets" loading="lazy">'
    )
    assert avatar_url(rockets()) == f"{STEM}.64.webp"


@pytest.mark.parametrize(
    ("sizes", "asked", "urls"),
    [
        ("32_64_128", 24, f'src="{STEM}.32.webp" srcset="{STEM}.64.webp 2x, {STEM}.128.webp 3x"'),
        # A browser would load the third for a screen twice as dense, were the first not named.
        ("32_64_128", 16, f'src="{STEM}.32.webp" srcset="{STEM}.32.webp 2x, {STEM}.64.webp 3x"'),
        ("32_64_128", 10, f'src="{STEM}.32.webp"'),
        ("32_64_128", 32, f'src="{STEM}.32.webp" srcset="{STEM}.64.webp 2x, {STEM}.128.webp 3x"'),
        ("32_64_128", 40, f'src="{STEM}.64.webp" srcset="{STEM}.128.webp 2x"'),
        ("32_64_128", 64, f'src="{STEM}.64.webp" srcset="{STEM}.128.webp 2x"'),
        ("32_64_128", 65, f'src="{STEM}.128.webp"'),
        ("32_64_128", 500, f'src="{STEM}.128.webp"'),
        ("1", 64, f'src="{STEM}.1.webp"'),
    ],
)
def test_which_rendition_serves_a_size(sizes, asked, urls) -> None:
    assert avatar_html(rockets(sizes=sizes), asked) == (
        f'<img {urls} width="{asked}" height="{asked}" alt="Rockets" loading="lazy">'
    )
    assert avatar_url(rockets(sizes=sizes), asked) in urls


def test_two_formats() -> None:
    assert avatar_html(rockets(formats="avif_webp"), 64, alt="") == (
        "<picture>"
        f'<source type="image/avif" srcset="{STEM}.64.avif 1x, {AVIF}">'
        f'<img src="{STEM}.64.webp" srcset="{SRCSET}" width="64" height="64" alt=""'
        ' loading="lazy">'
        "</picture>"
    )
    assert avatar_url(rockets(formats="avif_webp"), 64) == f"{STEM}.64.webp"


def test_three_formats_in_their_order_and_one_size() -> None:
    assert avatar_html(rockets(formats="avif_webp_jpeg", sizes="40"), 64, alt="") == (
        "<picture>"
        f'<source type="image/avif" srcset="{STEM}.40.avif">'
        f'<source type="image/webp" srcset="{STEM}.40.webp">'
        f'<img src="{STEM}.40.jpeg" width="64" height="64" alt="" loading="lazy">'
        "</picture>"
    )


def test_file_from_before_the_kit() -> None:
    team = Team(name="Rockets", avatar='old/a "b" & c.png')

    assert avatar_html(team, 64, class_="rounded") == (
        '<img src="/media/old/a%20%22b%22%20%26%20c.png" width="64" height="64" alt="Rockets"'
        ' loading="lazy" class="rounded">'
    )
    assert avatar_url(team, 64) == "/media/old/a%20%22b%22%20%26%20c.png"
    assert get_face(team, 64).color == ""


def test_default_of_the_field() -> None:
    assert avatar_url(Channel().badge, 16) == "/media/defaults/badge.png"


def test_folder_of_the_sites_own() -> None:
    team = rockets(folder="teams/É & Co/3f/")

    assert f'src="/media/teams/%C3%89%20%26%20Co/3f/{TOKEN}.64.webp"' in avatar_html(team, 64)
    assert avatar_html(team, 64) == str(get_face(team, 64))


def test_computed_urls(settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": f"{__name__}.SigningStorage"},
    }
    stem = f"https://cdn.example.org/avatars/3f/{TOKEN}"

    assert avatar_html(rockets(formats="avif_webp"), 64, alt="") == (
        "<picture>"
        f'<source type="image/avif" srcset="{stem}.64.avif?a=1&amp;b=2 1x,'
        f' {stem}.128.avif?a=1&amp;b=2 2x, {stem}.256.avif?a=1&amp;b=2 3x">'
        f'<img src="{stem}.64.webp?a=1&amp;b=2" srcset="{stem}.128.webp?a=1&amp;b=2 2x,'
        f' {stem}.256.webp?a=1&amp;b=2 3x"'
        ' width="64" height="64" alt="" loading="lazy">'
        "</picture>"
    )
    assert avatar_url(rockets(), 64) == f"{stem}.64.webp?a=1&b=2"


def test_prefix_that_needs_escaping(settings) -> None:
    settings.MEDIA_URL = "https://example.org/a&b/"

    stem = f"https://example.org/a&amp;b/avatars/3f/{TOKEN}"

    assert avatar_html(rockets(), 64, alt="") == (
        f'<img src="{stem}.64.webp" srcset="{stem}.128.webp 2x, {stem}.256.webp 3x" width="64"'
        ' height="64" alt="" loading="lazy">'
    )


def test_renditions_in_a_storage_of_their_own(settings) -> None:
    settings.AVATAR_KIT = {"RENDITION_STORAGE": "renditions"}

    assert avatar_url(rockets(), 64) == f"/renditions/avatars/3f/{TOKEN}.64.webp"
    assert f'src="/renditions/avatars/3f/{TOKEN}.64.webp"' in avatar_html(rockets(), 64)
    assert avatar_url(Team(avatar="old/face.png"), 64) == "/media/old/face.png"


def test_storage_is_read_live(settings, monkeypatch) -> None:
    avatar_html(rockets(), 64)

    settings.MEDIA_URL = "/elsewhere/"
    assert f'src="/elsewhere/avatars/3f/{TOKEN}.64.webp"' in avatar_html(rockets(), 64)

    storage = InMemoryStorage(base_url="/memory/")
    monkeypatch.setattr(Team._meta.get_field("avatar"), "_storage", storage)
    assert avatar_url(rockets(), 64) == f"/memory/avatars/3f/{TOKEN}.64.webp"
    assert f'src="/memory/avatars/3f/{TOKEN}.64.webp"' in avatar_html(rockets(), 64)


def test_constants_agree_with_the_grammar() -> None:
    """The short way from a key to markup reads the same as ``Name``."""
    for each in (
        key(),
        key("1"),
        key("7_90", "avif_webp"),
        key(folder="3f/"),
        key(folder="a/b/3f/"),
    ):
        name = Name.parse(each)
        assert name is not None
        assert f'src="/media/{name.rendition(name.best(64), name.formats[-1])}"' in avatar_html(
            Team(avatar=each), 64
        )


# --- attributes ---


def test_order_of_attributes(settings) -> None:
    settings.AVATAR_KIT = {"IMG_ATTRS": {"loading": "lazy", "decoding": "async", "class": "face"}}

    assert avatar_html(rockets(sizes="32"), 64, id="me", class_="mine", data_user_id=7) == (
        f'<img src="{STEM}.32.webp" width="64" height="64" alt="Rockets" loading="lazy"'
        ' decoding="async" class="mine" id="me" data-user-id="7">'
    )


@pytest.mark.parametrize(
    ("attrs", "written"),
    [
        ({}, ' loading="lazy"'),
        ({"loading": "eager"}, ' loading="eager"'),
        ({"loading": None}, ""),
        ({"loading": False}, ""),
        ({"LOADING": None}, ""),
        ({"hidden": True}, ' loading="lazy" hidden'),
        ({"title": ""}, ' loading="lazy" title=""'),
        ({"title": 0}, ' loading="lazy" title="0"'),
        ({"aria_label": "A"}, ' loading="lazy" aria-label="A"'),
        ({"data_foo_bar": 1.5}, ' loading="lazy" data-foo-bar="1.5"'),
        ({"@click": "go()"}, ' loading="lazy" @click="go()"'),
        ({"title": lazystr("A & B")}, ' loading="lazy" title="A &amp; B"'),
        ({"title": "\"><script>'"}, ' loading="lazy" title="&quot;&gt;&lt;script&gt;&#x27;"'),
        ({"title": mark_safe("A &amp; B")}, ' loading="lazy" title="A &amp; B"'),
        ({"title": mark_safe('"><b>')}, ' loading="lazy" title="&quot;><b>"'),
        ({"title": format_html("{}", "A & B")}, ' loading="lazy" title="A &amp; B"'),
    ],
    ids=str,
)
def test_attributes(attrs, written) -> None:
    assert avatar_html(rockets(sizes="32"), 64, alt="", **attrs) == (
        f'<img src="{STEM}.32.webp" width="64" height="64" alt=""{written}>'
    )


def test_markup_of_another_object() -> None:
    class Marked:
        def __html__(self) -> str:
            return 'A &amp; "B"'

    assert 'title="A &amp; &quot;B&quot;"' in avatar_html(rockets(), 64, title=Marked())


def test_translated_attribute() -> None:
    with override("de"):
        assert 'title="Ja"' in avatar_html(rockets(), 64, title=gettext_lazy("Yes"))
    with override("en"):
        assert 'title="Yes"' in avatar_html(rockets(), 64, title=gettext_lazy("Yes"))


@pytest.mark.parametrize(
    ("alt", "written"),
    [
        (None, "Rockets"),
        (False, "Rockets"),
        ("", ""),
        ("The team", "The team"),
        ('"><script>', "&quot;&gt;&lt;script&gt;"),
        (mark_safe("A &amp; B"), "A &amp; B"),
        (7, "7"),
    ],
)
def test_alt(alt, written) -> None:
    assert f' alt="{written}" ' in avatar_html(rockets(), 64, alt=alt)
    assert get_face(rockets(), 64, alt=alt).alt == (
        "Rockets" if alt in (None, False) else str(alt)
    )


def test_hostile_name() -> None:
    team = Team(name='"><script>alert(1)</script>', avatar=key("32"))

    assert avatar_html(team, 64) == (
        f'<img src="{STEM}.32.webp" width="64" height="64"'
        ' alt="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" loading="lazy">'
    )


def test_default_alt_of_the_site(settings) -> None:
    settings.AVATAR_KIT = {"IMG_ATTRS": {"alt": ""}}

    assert avatar_html(rockets(sizes="32"), 64) == (
        f'<img src="{STEM}.32.webp" width="64" height="64" alt="">'
    )


@pytest.mark.parametrize("name", ["src", "srcset", "width", "height", "SRC", "src_", "Width_"])
def test_attributes_of_the_avatar_itself(name) -> None:
    with pytest.raises(TypeError) as caught:
        avatar_html(rockets(), 64, **{name: "x"})

    assert str(caught.value) == (
        f"“{name.lower().rstrip('_')}” is written by the avatar itself; ask for another size."
    )


@pytest.mark.parametrize(
    "name", ["", "_", "a b", "a\tb", "a\nb", 'a"', "a'", "a=b", "a>", "<a", "a/", "a\x00", "a\x7f"]
)
def test_what_is_no_name_of_an_attribute(name) -> None:
    with pytest.raises(TypeError) as caught:
        attribute_names({name: "x"})

    assert str(caught.value) == f"“{name}” cannot be the name of an HTML attribute."


def test_settings_with_a_wrong_attribute(settings) -> None:
    settings.AVATAR_KIT = {"IMG_ATTRS": {"src": "x"}}

    with pytest.raises(ImproperlyConfigured) as caught:
        avatar_html(rockets())

    assert str(caught.value) == (
        'AVATAR_KIT["IMG_ATTRS"]: “src” is written by the avatar itself; ask for another size.'
    )


# --- sizes ---


@pytest.mark.parametrize("size", [64, "64", " 64 ", mark_safe("64")])
def test_sizes(size) -> None:
    assert clean_size(size) == 64


@pytest.mark.parametrize(
    "size", [0, -1, "0", "-1", "abc", "", "6 4", 1.5, True, [], "²"], ids=repr
)
def test_bad_sizes(size) -> None:
    for function in (avatar_html, avatar_url, get_face):
        with pytest.raises(ValueError, match=r"^The size of an avatar is a number of ") as caught:
            function(rockets(), size)
        assert str(caught.value) == (
            f"The size of an avatar is a number of pixels, 1 or more, not {size!r}."
        )


# --- parts ---


def test_face() -> None:
    face = get_face(rockets(formats="avif_webp"), "64", class_="rounded", hidden=True, id=None)

    assert face == Face(
        src=f"{STEM}.64.webp",
        srcset=SRCSET,
        sources=(("image/avif", f"{STEM}.64.avif 1x, {AVIF}"),),
        alt="Rockets",
        color="#7a6a5c",
        placeholder="avatar-kit-color-111",
        width=64,
        height=64,
        attrs={"loading": "lazy", "class": "rounded", "hidden": True},
        html=avatar_html(rockets(formats="avif_webp"), 64, class_="rounded", hidden=True),
    )
    assert str(face) == face.__html__() == face.html


def test_face_without_an_avatar() -> None:
    face = get_face(None, 64)

    assert face == Face(
        src=SILHOUETTE,
        srcset="",
        sources=(),
        alt="",
        color="",
        placeholder="",
        width=64,
        height=64,
        attrs={"loading": "lazy"},
        html=avatar_html(None, 64),
    )


def test_without_an_avatar(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": ["static"]}

    assert avatar_html(Team(name="Rockets"), 64, class_="rounded") == (
        '<img src="/static/avatar_kit/default.svg" width="64" height="64" alt="Rockets"'
        ' loading="lazy" class="rounded">'
    )
    assert avatar_url(Team(name="Rockets"), 64) == "/static/avatar_kit/default.svg"


def test_without_any_fallback(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": []}

    assert avatar_html(None, 64) == ""
    assert avatar_url(None, 64) == ""
    assert str(get_face(None, 64)) == ""


@pytest.mark.parametrize(
    ("obj", "answer"),
    [
        (rockets(), True),
        (rockets().avatar, True),
        (Team(avatar="old/face.png"), True),
        (Team(), False),
        (Team(avatar=make_upload()), False),
        (None, False),
    ],
    ids=repr,
)
def test_has_avatar(obj, answer) -> None:
    assert has_avatar(obj) is answer


def test_url_for_on_the_field_file() -> None:
    assert rockets().avatar.url_for(64) == f"{STEM}.64.webp"
    assert Team(pk=1, name="Rockets").avatar.url_for(64) == Initials().url(
        Team(pk=1, name="Rockets"), 64
    )


# --- a placeholder's colour ---


@pytest.mark.parametrize(
    ("attrs", "written"),
    [
        ({"placeholder": True}, ' loading="lazy" class="avatar-kit-color-111"'),
        (
            {"placeholder": True, "class": "a", "id": "b"},
            ' loading="lazy" class="a avatar-kit-color-111" id="b"',
        ),
        (
            {"placeholder": True, "class": mark_safe('&amp; "')},
            ' loading="lazy" class="&amp; &quot; avatar-kit-color-111"',
        ),
        ({"placeholder": True, "class": True}, ' loading="lazy" class="avatar-kit-color-111"'),
        ({"placeholder": False, "class": "a"}, ' loading="lazy" class="a"'),
        ({"placeholder": None}, ' loading="lazy"'),
    ],
    ids=str,
)
def test_placeholder(attrs, written) -> None:
    assert avatar_html(rockets(sizes="32"), 64, alt="", **attrs) == (
        f'<img src="{STEM}.32.webp" width="64" height="64" alt=""{written}>'
    )
    face = get_face(rockets(sizes="32"), 64, alt="", **attrs)
    assert str(face) == avatar_html(rockets(sizes="32"), 64, alt="", **attrs)
    assert face.placeholder == "avatar-kit-color-111"


def test_placeholders_of_the_whole_site(settings) -> None:
    settings.AVATAR_KIT = {"IMG_ATTRS": {"placeholder": True}}

    assert ' class="avatar-kit-color-111">' in avatar_html(rockets(), 64)
    assert "avatar-kit-color" not in avatar_html(rockets(), 64, placeholder=False)


@pytest.mark.parametrize(
    "name",
    [
        key().replace(".jpg", ".webp"),
        key().replace("-full-", "-fit-"),
        "old/photo-7a6a5c.jpg",
    ],
)
def test_no_placeholder_where_it_would_stay_visible(name) -> None:
    """Behind transparent pixels, and behind a file of which nothing is known."""
    markup = avatar_html(Team(avatar=name), 64, alt="", class_="a", placeholder=True)

    assert markup.endswith(' loading="lazy" class="a">')
    assert get_face(Team(avatar=name), 64).placeholder == ""


def test_no_placeholder_for_a_fallback() -> None:
    assert avatar_html(None, 64, placeholder=True) == avatar_html(None, 64)


@pytest.mark.parametrize("value", ["yes", "", 5, []])
def test_what_a_placeholder_cannot_be(settings, value) -> None:
    message = f"“placeholder” is {value!r}. It must be True or False."
    with pytest.raises(TypeError) as caught:
        avatar_html(rockets(), 64, placeholder=value)
    assert str(caught.value) == message

    settings.AVATAR_KIT = {"IMG_ATTRS": {"placeholder": value}}
    with pytest.raises(ImproperlyConfigured) as configured:
        avatar_html(rockets(), 64)
    assert str(configured.value) == f'AVATAR_KIT["IMG_ATTRS"]: {message}'


# --- formats of a URL ---


@pytest.mark.parametrize(
    ("wanted", "formats", "given"),
    [
        (None, "avif_webp_jpeg", "jpeg"),
        ("avif", "avif_webp_jpeg", "avif"),
        ("jpeg", "jpeg_webp", "jpeg"),
        ("png", "webp_jpeg", "jpeg"),
        ("webp", "avif_jpeg", "jpeg"),
        ("webp", "avif_png_jpeg", "png"),
        ("avif", "jpeg_webp", "webp"),
        # Nothing that is sure to be shown: what most can show.
        ("jpeg", "avif_webp", "webp"),
        ("jpeg", "webp", "webp"),
        ("jpeg", "avif", "avif"),
        ("png", "avif_webp", "webp"),
        # Of another release.
        ("jpeg", "jxl", "jxl"),
        ("avif", "jxl_jpeg", "jpeg"),
    ],
)
def test_format_of_a_url(wanted, formats, given) -> None:
    assert avatar_url(rockets(formats=formats), 64, format=wanted) == f"{STEM}.64.{given}"


def test_formats_of_what_has_one_file() -> None:
    assert avatar_url(Team(avatar="old/face.webp"), 64, format="jpeg") == "/media/old/face.webp"
    assert avatar_url(Channel().badge, 16, format="jpeg") == "/media/defaults/badge.png"


@pytest.mark.parametrize("value", ["jpg", "JPEG", "gif", "svg", "", 5, True, ["jpeg"]], ids=repr)
def test_bad_formats(value) -> None:
    for obj in (rockets(), None):
        with pytest.raises(ValueError, match=r"^The format of an avatar ") as caught:
            avatar_url(obj, 64, format=value)
        assert str(caught.value) == (
            f"The format of an avatar is one of jpeg, png, webp, avif, not {value!r}."
        )


def test_no_svg_where_a_format_is_wanted(settings) -> None:
    """Mail programs show none: the next fallback is asked."""
    team = Team(pk=1, name="Rockets")
    assert avatar_url(team, 64).endswith(".svg")
    assert avatar_url(team, 64, format="jpeg") == ""

    png = {"BACKEND": "static", "OPTIONS": {"path": "img/nobody.png"}}
    settings.AVATAR_KIT = {"FALLBACKS": ["initials", "identicon", png]}
    assert avatar_url(team, 64, format="webp") == "/static/img/nobody.png"
    svg = {"BACKEND": "static", "OPTIONS": {"path": "img/nobody.SVG"}}
    settings.AVATAR_KIT = {"FALLBACKS": [svg]}
    assert avatar_url(team, 64, format="png") == ""
    assert avatar_url(team, 64) == "/static/img/nobody.SVG"


def test_the_kit_brings_a_picture_for_mails(settings) -> None:
    settings.AVATAR_KIT = {"FALLBACKS": ["initials", "static"]}

    assert avatar_url(Team(pk=1, name="Rockets"), 64, format="jpeg") == (
        "/static/avatar_kit/default.png"
    )
    assert avatar_html(Team(pk=1, name="Rockets"), 64).startswith("<svg ")


# --- absolute URLs ---


def test_absolute_url_of_a_request(rf) -> None:
    request = rf.get("/people/", headers={"host": "testserver"}, secure=True)

    assert avatar_url(rockets(), 64, absolute=True, request=request) == (
        f"https://testserver{STEM}.64.webp"
    )
    assert avatar_url(rockets(), 64, request=request) == f"{STEM}.64.webp"


@pytest.mark.parametrize("base", ["https://example.org", "https://example.org/"])
def test_absolute_url_of_the_settings(settings, base) -> None:
    settings.AVATAR_KIT = {"BASE_URL": base}

    assert avatar_url(rockets(), 64, absolute=True) == f"https://example.org{STEM}.64.webp"
    assert avatar_url(None, 64, absolute=True) == f"https://example.org{SILHOUETTE}"
    assert avatar_url(None, 64, absolute=True, format="png") == ""


def test_absolute_url_of_a_port(settings) -> None:
    settings.AVATAR_KIT = {"BASE_URL": "http://127.0.0.1:8000"}

    assert avatar_url(rockets(), 64, absolute=True) == f"http://127.0.0.1:8000{STEM}.64.webp"


def test_request_comes_before_the_settings(settings, rf) -> None:
    settings.AVATAR_KIT = {"BASE_URL": "https://example.org"}

    assert avatar_url(rockets(), 64, absolute=True, request=rf.get("/")) == (
        f"http://testserver{STEM}.64.webp"
    )


def test_urls_that_are_absolute_already(settings) -> None:
    settings.MEDIA_URL = "https://cdn.example.org/"

    assert avatar_url(rockets(), 64, absolute=True) == (
        f"https://cdn.example.org/avatars/3f/{TOKEN}.64.webp"
    )


def test_urls_without_a_scheme(settings, rf) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"base_url": "//cdn.example.org/"},
        },
    }
    url = f"//cdn.example.org/avatars/3f/{TOKEN}.64.webp"

    assert avatar_url(rockets(), 64) == url
    request = rf.get("/", secure=True)
    assert avatar_url(rockets(), 64, absolute=True, request=request) == f"https:{url}"
    settings.AVATAR_KIT = {"BASE_URL": "http://example.org"}
    assert avatar_url(rockets(), 64, absolute=True) == f"http:{url}"


NO_HOST = (
    "An absolute URL was asked for, and nothing says which host it is of. Pass the request (a tag "
    "takes it from its context), or set AVATAR_KIT[\"BASE_URL\"], such as 'https://example.org', "
    "or SITE_ID of django.contrib.sites."
)


def test_no_host_to_be_found() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        avatar_url(rockets(), 64, absolute=True)

    assert str(caught.value) == NO_HOST


@pytest.mark.parametrize(
    "base", ["", "example.org", "//example.org", "ftp://a", "https://a/b", "https://a b"]
)
def test_wrong_host(settings, base) -> None:
    settings.AVATAR_KIT = {"BASE_URL": base}

    with pytest.raises(ImproperlyConfigured) as caught:
        avatar_url(rockets(), 64, absolute=True)

    assert str(caught.value) == (
        f'AVATAR_KIT["BASE_URL"] is {base!r}. It must be a scheme and a host, such as '
        "'https://example.org'."
    )
    (message,) = check_settings()
    assert (message.id, message.hint) == (
        "avatar_kit.E003",
        "It must be a scheme and a host, as 'https://example.org', or None.",
    )


def test_host_of_the_current_site(monkeypatch) -> None:
    site = SimpleNamespace(domain="example.org:8443")
    monkeypatch.setattr(absolute_urls, "get_current_site", lambda _request: site)

    assert avatar_url(rockets(), 64, absolute=True) == f"https://example.org:8443{STEM}.64.webp"


@pytest.mark.parametrize("error", [ImproperlyConfigured, ObjectDoesNotExist])
def test_no_current_site(monkeypatch, error) -> None:
    def refuse(_request):
        raise error

    monkeypatch.setattr(absolute_urls, "get_current_site", refuse)

    with pytest.raises(ImproperlyConfigured) as caught:
        avatar_url(rockets(), 64, absolute=True)
    assert str(caught.value) == NO_HOST
