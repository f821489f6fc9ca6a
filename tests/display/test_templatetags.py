from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.template import Context, Engine, TemplateSyntaxError, engines
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import override

from django_avatar_kit import rendering
from django_avatar_kit.rendering import Face
from tests.testapp.models import Bare, Profile, Team

TOKEN = "3f9c0123456789abcdef0123456789e1"
STEM = f"/media/avatars/3f/{TOKEN}"
#: Sealed with the key in tests/settings.py.
SILHOUETTE = "/avatar/initials/rmovwubxuzx3lr5ida6xc5r4naaubw7myqcn5tzu.svg"
KEY = f"avatars/3f/{TOKEN}-5be1012345670707-k1-1000x750-32_64_128_256_512-webp-full-7a6a5c.jpg"
SRCSET = f"{STEM}.128.webp 2x, {STEM}.256.webp 3x"
IMG = f'<img src="{STEM}.64.webp" srcset="{SRCSET}" width="64" height="64" alt="Rockets"'

VALUES = (
    "avatar: takes what to show and one more value, not {} values; attributes are written "
    "name=value."
)


def render(source: str, **context: object) -> str:
    context.setdefault("team", Team(pk=1, name="Rockets", avatar=KEY))
    return engines["django"].from_string("{% load avatar_kit %}" + source).render(context)


@pytest.fixture
def people(db: None) -> list[User]:
    for name in ("ada", "bob"):
        Profile.objects.create(user=User.objects.create(username=name))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE testapp_profile SET avatar = %s", [KEY])
    User.objects.create(username="eve")
    return list(User.objects.order_by("pk"))


# --- avatar ---


@pytest.mark.parametrize(
    ("tag", "markup"),
    [
        ("{% avatar team %}", f'{IMG} loading="lazy">'),
        ("{% avatar team 64 %}", f'{IMG} loading="lazy">'),
        ("{% avatar team '64' %}", f'{IMG} loading="lazy">'),
        ("{% avatar team size=64 %}", f'{IMG} loading="lazy">'),
        ("{% avatar team size %}", f'{IMG} loading="lazy">'),
        ("{% avatar team size=size %}", f'{IMG} loading="lazy">'),
        ("{% avatar team nothing %}", f'{IMG} loading="lazy">'),
        ("{% avatar team.avatar 64 %}", f'{IMG} loading="lazy">'),
        ('{% avatar team 64 class="rounded" %}', f'{IMG} loading="lazy" class="rounded">'),
        ('{% avatar team class="a" id="b" %}', f'{IMG} loading="lazy" class="a" id="b">'),
        ("{% avatar team class=css %}", f'{IMG} loading="lazy" class="a &quot; b">'),
        ("{% avatar team class=css|upper %}", f'{IMG} loading="lazy" class="A &quot; B">'),
        ("{% avatar team class=safe %}", f'{IMG} loading="lazy" class="a &amp; &quot; b">'),
        ("{% avatar team class=nothing %}", f'{IMG} loading="lazy">'),
        ('{% avatar team class="a &amp; b" %}', f'{IMG} loading="lazy" class="a &amp; b">'),
        ("{% avatar team title='\"A\"' %}", f'{IMG} loading="lazy" title="&quot;A&quot;">'),
        ("{% avatar team loading=None %}", f"{IMG}>"),
        ("{% avatar team loading=False %}", f"{IMG}>"),
        ('{% avatar team loading="eager" %}', f'{IMG} loading="eager">'),
        ("{% avatar team hidden=True %}", f'{IMG} loading="lazy" hidden>'),
        ('{% avatar team data_foo="bar" %}', f'{IMG} loading="lazy" data-foo="bar">'),
        ('{% avatar team data-foo="bar" %}', f'{IMG} loading="lazy" data-foo="bar">'),
        ('{% avatar team @click="go" :a="b" %}', f'{IMG} loading="lazy" @click="go" :a="b">'),
        ("{% avatar team data_n=7 %}", f'{IMG} loading="lazy" data-n="7">'),
        ('{% avatar team|default:"a=b" %}', f'{IMG} loading="lazy">'),
        ('{% avatar team alt="" %}', f'{IMG.replace("Rockets", "")} loading="lazy">'),
        ("{% avatar team alt=css %}", f'{IMG.replace("Rockets", "a &quot; b")} loading="lazy">'),
        ("{% avatar team alt=nothing %}", f'{IMG} loading="lazy">'),
        ("{% autoescape off %}{% avatar team class=css %}{% endautoescape %}",
         f'{IMG} loading="lazy" class="a &quot; b">'),
    ],
)  # fmt: skip
def test_avatar(tag, markup) -> None:
    context = {"size": 64, "css": 'a " b', "safe": mark_safe('a &amp; " b')}

    # The second time from the layout that the first one made.
    assert render(tag + tag, **context) == markup * 2


def test_nothing_is_asked_of_anyone(people, storage, django_assert_num_queries) -> None:
    template = '{% for p in people %}{% avatar p 64 class="rounded" %}{% endfor %}'
    profiles = list(Profile.objects.select_related("user").order_by("pk"))

    with django_assert_num_queries(0):
        markup = render(template, people=profiles)

    assert markup == "".join(
        f'<img src="{STEM}.64.webp" srcset="{SRCSET}" width="64" height="64"'
        f' alt="{name}" loading="lazy" class="rounded">'
        for name in ("ada", "bob")
    )
    assert storage.calls == []
    with django_assert_num_queries(1):
        assert render(template, people=Profile.objects.all()).count('alt=""') == 2


def test_user_in_the_request(people, rf, django_assert_num_queries) -> None:
    request = rf.get("/")
    request.user = SimpleLazyObject(lambda: User.objects.get(username="ada"))

    with django_assert_num_queries(2):
        markup = render(
            "{% avatar request.user %}{% avatar user %}", request=request, user=request.user
        )

    assert markup == f'{IMG.replace("Rockets", "ada")} loading="lazy">' * 2


@pytest.mark.parametrize(
    "tag",
    [
        "{% avatar nobody 40 %}",
        "{% avatar nobody.team 40 %}",
        '{% avatar "" 40 %}',
        "{% avatar None 40 %}",
        "{% avatar visitor 40 %}",
        "{% avatar ada.profile 40 %}",
    ],
)
@pytest.mark.parametrize("invalid", ["", "INVALID", "INVALID %s"])
def test_nobody(tag, invalid) -> None:
    engine = Engine(
        libraries={"avatar_kit": "django_avatar_kit.templatetags.avatar_kit"},
        string_if_invalid=invalid,
    )
    template = engine.from_string("{% load avatar_kit %}" + tag)

    markup = template.render(Context({"visitor": AnonymousUser(), "ada": User()}))

    assert markup == rendering.avatar_html(None, 40)
    assert markup.startswith('<svg width="40" height="40" viewBox="0 0 64 64" aria-hidden="true">')


def test_parts() -> None:
    assert render(
        '{% avatar team class="a" as face %}{{ face.src }} {{ face.srcset }} {{ face.alt }} '
        "{{ face.color }} {{ face.width }} {{ face.height }} {{ face.attrs.class }} {{ face }}"
    ) == (f'{STEM}.64.webp {SRCSET} Rockets #7a6a5c 64 64 a {IMG} loading="lazy" class="a">')
    context = Context({"team": None})
    engines["django"].engine.from_string("{% load avatar_kit %}{% avatar team as face %}").render(
        context
    )
    assert isinstance(context["face"], Face)
    assert context["face"].src == SILHOUETTE


def test_settings_are_read_live(settings) -> None:
    template = engines["django"].from_string("{% load avatar_kit %}{% avatar team %}")
    team = Team(pk=1, name="Rockets", avatar=KEY)
    assert template.render({"team": team}) == f'{IMG} loading="lazy">'

    settings.AVATAR_KIT = {"IMG_ATTRS": {"decoding": "async"}}

    assert template.render({"team": team}) == f'{IMG} decoding="async">'


def test_translations_are_read_live() -> None:
    template = engines["django"].from_string(
        '{% load avatar_kit %}{% avatar team alt=_("Yes") %}{% avatar team alt=_("No")|lower %}'
    )
    texts = []
    for language in ("en", "de"):
        with override(language):
            markup = template.render({"team": Team(avatar=KEY)})
        texts += [part.split('"')[0] for part in markup.split('alt="')[1:]]

    assert texts == ["Yes", "no", "Ja", "nein"]


def test_layout_is_made_once(monkeypatch) -> None:
    made = []

    class Counting(rendering.Layout):
        def __init__(self, *args) -> None:
            made.append(args)
            super().__init__(*args)

    monkeypatch.setattr(rendering, "Layout", Counting)
    teams = [Team(avatar=KEY)] * 3

    render('{% for t in teams %}{% avatar t 64 class="a" hidden=True %}{% endfor %}', teams=teams)
    assert made == [(64, {"class": "a", "hidden": True})]
    render("{% for t in teams %}{% avatar t 64 class=t.name %}{% endfor %}", teams=teams)
    assert len(made) == 4


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("{% avatar %}", VALUES.format(0)),
        ("{% avatar team 64 32 %}", VALUES.format(3)),
        ("{% avatar size=64 %}", VALUES.format(0)),
        ('{% avatar team class="a" 64 %}', "avatar: “64” has to stand before the attributes."),
        ("{% avatar team 64 size=32 %}", "avatar: “size” is given twice."),
        ('{% avatar team id="a" id="b" %}', "avatar: “id” is given twice."),
        ('{% avatar team src="x" %}',
         "avatar: “src” is written by the avatar itself; ask for another size."),
        ("{% avatar team width=size %}",
         "avatar: “width” is written by the avatar itself; ask for another size."),
        ("{% avatar team 0 %}",
         "avatar: The size of an avatar is a number of pixels, 1 or more, not 0."),
        ("{% avatar team -64 %}",
         "avatar: The size of an avatar is a number of pixels, 1 or more, not -64."),
        ('{% avatar team size="abc" %}',
         "avatar: The size of an avatar is a number of pixels, 1 or more, not 'abc'."),
        ('{% avatar_url team class="a" %}',
         "avatar_url: there is no “class” here, only “size”, “format”, “absolute”."),
        ("{% avatar_url team 0 %}",
         "avatar_url: The size of an avatar is a number of pixels, 1 or more, not 0."),
        ('{% avatar_url team format="jpg" %}',
         "avatar_url: The format of an avatar is one of jpeg, png, webp, avif, not 'jpg'."),
        ('{% avatar_group teams max=0 %}',
         "avatar_group: The number of avatars in a group is 1 or more, not 0."),
        ('{% avatar_group teams total="many" %}',
         "avatar_group: The number of avatars in all is 0 or more, not 'many'."),
        ('{% avatar_group teams src="x" %}',
         "avatar_group: “src” is written by the avatar itself; ask for another size."),
        ('{% avatar_group teams width=size %}',
         "avatar_group: “width” is written by the avatar itself; ask for another size."),
        ('{% avatar_group teams alt="A" %}',
         ('avatar_group: The “alt” of a group is "", or each avatar has its own; there is '
          "“label”.")),
        ('{% avatar team placeholder="yes" %}',
         "avatar: “placeholder” is 'yes'. It must be True or False."),
        ("{% avatar_group teams 0 %}",
         "avatar_group: The size of an avatar is a number of pixels, 1 or more, not 0."),
        ("{% avatar_url team 64 size=64 %}", "avatar_url: “size” is given twice."),
        ("{% prefetch_avatars teams as x %}",
         "prefetch_avatars: there is no result to name with “as”."),
        ("{% prefetch_avatars teams by='x' %}",
         "prefetch_avatars: there is no “by” here, only “path”."),
    ],
)  # fmt: skip
def test_mistakes_show_when_the_template_is_loaded(tag, message) -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        engines["django"].engine.from_string("{% load avatar_kit %}" + tag)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("{% avatar team size %}",
         "avatar: The size of an avatar is a number of pixels, 1 or more, not 'wide'."),
        ("{% avatar_url team size %}",
         "avatar_url: The size of an avatar is a number of pixels, 1 or more, not 'wide'."),
        ("{% avatar_url team format=size %}",
         "avatar_url: The format of an avatar is one of jpeg, png, webp, avif, not 'wide'."),
        ("{% avatar_group teams max=size %}",
         "avatar_group: The number of avatars in a group is 1 or more, not 'wide'."),
    ],
)  # fmt: skip
def test_mistakes_of_the_context(tag, message) -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        render(tag, size="wide")

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "tag", ['{% avatar "ada" %}', "{% avatar bare %}", "{{ bare|has_avatar }}"]
)
def test_what_has_no_avatar(tag) -> None:
    with pytest.raises(TypeError, match=r" has no avatar\. What can be shown is "):
        render(tag, bare=Bare())


# --- the others ---


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("{% avatar_url team %}", f"{STEM}.64.webp"),
        ("{% avatar_url team 100 %}", f"{STEM}.128.webp"),
        ("{% avatar_url team size='32' %}", f"{STEM}.32.webp"),
        ("{% avatar_url team nothing %}", f"{STEM}.64.webp"),
        ("{% avatar_url team 64 as url %}[{{ url }}]", f"[{STEM}.64.webp]"),
        ("{% avatar_url nobody 64 %}", SILHOUETTE),
        ('{% avatar_url team 64 format="jpeg" %}', f"{STEM}.64.webp"),
        ("{% avatar_url team 64 format=nothing absolute=nothing %}", f"{STEM}.64.webp"),
        ("{% avatar_url team 64 absolute=False %}", f"{STEM}.64.webp"),
        ('{% avatar_url nobody 64 format="png" as url %}[{{ url }}]', "[]"),
        ("{{ team|has_avatar }} {{ nobody|has_avatar }}", "True False"),
        ("{% if nobody|has_avatar %}yes{% else %}no{% endif %}", "no"),
    ],
)
def test_other_tags(tag, text) -> None:
    assert render(tag) == text


def test_url_is_escaped(settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "tests.display.test_rendering.SigningStorage"},
    }
    url = f"https://cdn.example.org/avatars/3f/{TOKEN}.64.webp?a=1&b=2"

    assert render("{% avatar_url team %}") == url.replace("&", "&amp;")
    assert render("{% avatar_url team as url %}{{ url }}") == url.replace("&", "&amp;")
    assert render("{% autoescape off %}{% avatar_url team %}{% endautoescape %}") == url


def test_absolute_url(rf, settings) -> None:
    tag = '{% avatar_url team 64 format="jpeg" absolute=True %}'

    assert render(tag, request=rf.get("/")) == f"http://testserver{STEM}.64.webp"
    # Where no context processor puts the request into the context, the context has it still.
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
    ]
    template = engines["django"].from_string("{% load avatar_kit %}" + tag)
    team = Team(pk=1, name="Rockets", avatar=KEY)
    assert template.render({"team": team}, rf.get("/")) == f"http://testserver{STEM}.64.webp"
    # A mail that a task sends.
    settings.AVATAR_KIT = {"BASE_URL": "https://example.org"}
    assert template.render({"team": team}) == f"https://example.org{STEM}.64.webp"


def test_prefetching(people, django_assert_num_queries) -> None:
    tags = "{% for p in people %}{% avatar p alt='' %}{% endfor %}"
    img = f'{IMG.replace("Rockets", "")} loading="lazy">'

    with django_assert_num_queries(2):
        markup = render("{% prefetch_avatars people %}" + tags, people=User.objects.order_by("pk"))
    assert markup == img * 2 + rendering.avatar_html(people[2], alt="")

    profiles = Profile.objects.order_by("pk")
    for path in ('"user"', "path='user'", "way", "nothing"):
        markup = render(
            f"{{% prefetch_avatars people {path} %}}{tags}", people=profiles, way="user"
        )
        assert markup == img * 2


@pytest.mark.parametrize("tag", ["{% prefetch_avatars nobody %}", '{% prefetch_avatars "" %}'])
def test_prefetching_nothing(tag) -> None:
    assert render(tag) == ""
