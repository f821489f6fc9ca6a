from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.paginator import Paginator
from django.template import engines
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy, override

from django_avatar_kit.display.groups import more_text
from django_avatar_kit.rendering import avatar_group, get_face
from tests.support.stored_keys import KEY, TOKEN, put
from tests.testapp.models import Bare, Profile, Team

STEM = f"/media/avatars/3f/{TOKEN}"


def teams(count: int) -> list[Team]:
    return [Team(pk=pk, name=f"Team {pk}", avatar=KEY) for pk in range(1, count + 1)]


def img(name: str, more: str = ' loading="lazy"') -> str:
    return (
        f'<img src="{STEM}.64.webp" srcset="{STEM}.128.webp 2x, {STEM}.256.webp 3x" width="64"'
        f' height="64" alt="{name}"{more}>'
    )


def plus(count: str, font: int = 24, *, hidden: bool = False) -> str:
    said = 'aria-hidden="true"' if hidden else f'role="img" aria-label="{count} more"'
    return (
        '<li class="avatar-kit-group-more"><svg width="64" height="64"'
        f' viewBox="0 0 64 64" {said}>'
        '<rect width="64" height="64" fill="#e5e7eb"/>'
        '<text x="32" y="32" dy=".35em" text-anchor="middle" direction="ltr"'
        f' font-family="system-ui,sans-serif" font-size="{font}" fill="#1f2937">+{count}</text>'
        "</svg></li>"
    )


def items(*names: str) -> str:
    return "".join(f"<li>{img(name)}</li>" for name in names)


# --- markup ---


def test_markup() -> None:
    group = avatar_group(teams(14), 64, max=2)

    assert str(group) == (
        '<ul class="avatar-kit-group" role="list" aria-label="Teams">'
        f"{items('Team 1', 'Team 2')}"
        f"{plus('12')}</ul>"
    )
    assert type(group.html) is SafeString
    assert group.__html__() == str(group) == group.html


def test_parts() -> None:
    group = avatar_group(teams(3), 64, max=2, label="Members")

    assert group.faces == tuple(get_face(team, 64) for team in teams(2))
    assert (group.more, group.total, group.label) == (1, 3, "Members")


def test_everybody_is_shown() -> None:
    assert str(avatar_group(teams(2), 64)) == (
        f'<ul class="avatar-kit-group" role="list" aria-label="Teams">'
        f"{items('Team 1', 'Team 2')}</ul>"
    )


def test_five_are_shown() -> None:
    assert (len(avatar_group(teams(9)).faces), avatar_group(teams(9)).more) == (5, 4)
    assert avatar_group(teams(9), max="7").more == 2
    assert avatar_group(teams(9), max=None).more == 4


@pytest.mark.parametrize("nobody", [None, "", [], (), Team.objects.none()], ids=repr)
def test_nobody(nobody) -> None:
    group = avatar_group(nobody)

    assert (str(group), group.faces, group.total, group.label) == ("", (), 0, "")


def test_attributes() -> None:
    markup = str(
        avatar_group(
            teams(1),
            64,
            class_="mt-2",
            id="team",
            data_n=7,
            hidden=True,
            title=None,
            loading="eager",
            fetchpriority="high",
            placeholder=True,
        )
    )

    given = ' loading="eager" fetchpriority="high" class="avatar-kit-color-111"'
    assert markup == (
        '<ul class="avatar-kit-group mt-2" role="list" aria-label="Teams" id="team" data-n="7"'
        f" hidden><li>{img('Team 1', given)}</li></ul>"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ('"><script>', "avatar-kit-group &quot;&gt;&lt;script&gt;"),
        (mark_safe("a &amp; b"), "avatar-kit-group a &amp; b"),
        (True, "avatar-kit-group"),
        ("", "avatar-kit-group"),
    ],
)
def test_classes(value, written) -> None:
    assert str(avatar_group(teams(1), class_=value)).startswith(f'<ul class="{written}" role=')


@pytest.mark.parametrize(
    ("label", "written"),
    [
        (None, "Teams"),
        ("", "Teams"),
        ("Members", "Members"),
        ('A "B"', "A &quot;B&quot;"),
        (gettext_lazy("Yes"), "Yes"),
    ],
)
def test_label(label, written) -> None:
    assert f' role="list" aria-label="{written}"><li>' in str(avatar_group(teams(1), label=label))


def test_label_elsewhere() -> None:
    assert str(avatar_group(teams(1), aria_labelledby="heading")).startswith(
        '<ul class="avatar-kit-group" role="list" aria-labelledby="heading"><li>'
    )
    assert str(avatar_group([None])).startswith('<ul class="avatar-kit-group" role="list"><li>')


def test_names_beside_the_pictures() -> None:
    """Without texts for the pictures, the whole group is hidden from screen readers."""
    assert str(avatar_group(teams(2), 64, max=1, alt="", label="Teams")) == (
        f'<ul class="avatar-kit-group" aria-hidden="true">{items("")}{plus("1", hidden=True)}</ul>'
    )


def test_people_without_a_picture() -> None:
    """Each name is read once: as the name of a picture, drawn or stored."""
    group = avatar_group([Team(pk=1, name="Rockets"), None, AnonymousUser()])

    assert str(group).count("Rockets") == 1
    assert 'role="img" aria-label="Rockets"' in str(group)
    assert str(group).count('aria-hidden="true"') == 2
    assert group.label == "Teams"


@pytest.mark.parametrize(
    ("total", "text", "font"),
    [(8, "7", 24), (13, "12", 24), (124, "123", 18), (1235, "1234", 14), (10**6, "999999", 10)],
)
def test_large_numbers_fit(total, text, font) -> None:
    markup = str(avatar_group(teams(1), 64, total=total))

    assert plus(text, font) in markup
    # With a margin to the circle that a round mask leaves.
    assert 0.65 * font * (len(text) + 1) <= 48


def test_numbers_as_the_language_writes_them(settings) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    with override("en"):
        assert ">+1,234</text>" in str(avatar_group(teams(1), total=1235))
        assert 'aria-label="1,234 more"' in str(avatar_group(teams(1), total=1235))


def test_more_is_translatable() -> None:
    assert more_text(1) == "1 more"
    assert more_text(12) == "12 more"


def test_no_style_and_no_script() -> None:
    markup = str(avatar_group([*teams(1), None], 32, max=1))

    ET.fromstring(markup.replace(' loading="lazy">', "/>"))  # noqa: S314
    assert "style" not in markup
    assert "data:" not in markup
    assert 'width="32" height="32" viewBox' in markup


# --- bad input ---


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max": 0}, ValueError, "The number of avatars in a group is 1 or more, not 0."),
        ({"max": -1}, ValueError, "The number of avatars in a group is 1 or more, not -1."),
        ({"max": "x"}, ValueError, "The number of avatars in a group is 1 or more, not 'x'."),
        ({"max": 1.5}, ValueError, "The number of avatars in a group is 1 or more, not 1.5."),
        ({"max": True}, ValueError, "The number of avatars in a group is 1 or more, not True."),
        ({"total": -1}, ValueError, "The number of avatars in all is 0 or more, not -1."),
        (
            {"size": 0},
            ValueError,
            "The size of an avatar is a number of pixels, 1 or more, not 0.",
        ),
        (
            {"alt": "Ada"},
            TypeError,
            'The “alt” of a group is "", or each avatar has its own; there is “label”.',
        ),
        ({"a b": 1}, TypeError, "“a b” cannot be the name of an HTML attribute."),
        ({"placeholder": "x"}, TypeError, "“placeholder” is 'x'. It must be True or False."),
    ],
    ids=str,
)
def test_wrong_options(options, error, message) -> None:
    with pytest.raises(error) as caught:
        avatar_group(teams(1), **options)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("objects", "kind"),
    [
        ("teams", "str"),
        (b"", "bytes"),
        (5, "int"),
        (Team(), "Team"),
        ({"a": 1}, "dict"),
        (iter([]), "list_iterator"),
        ((team for team in ()), "generator"),
    ],
    ids=repr,
)
def test_what_is_no_group(objects, kind) -> None:
    with pytest.raises(TypeError) as caught:
        avatar_group(objects)

    assert str(caught.value) == (
        f"avatar_group() takes a list, a queryset or a page of owners, not {kind}."
    )


def test_members_without_an_avatar() -> None:
    with pytest.raises(TypeError, match=r" has no avatar\. What can be shown is "):
        avatar_group([Bare()])


# --- queries ---


@pytest.fixture
def people(db: None) -> list[User]:
    for number in range(8):
        put(Profile.objects.create(user=User.objects.create(username=f"u{number}")))
    return list(User.objects.select_related("profile").order_by("pk"))


NAMES = ("u0", "u1", "u2")


def test_loaded_people(people, storage, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        group = avatar_group(people, 64, max=3)

    assert group.label == "Users"
    assert f"{items(*NAMES)}{plus('5')}</ul>" in str(group)
    assert storage.calls == []


def test_profiles_are_loaded_in_one_query(people, django_assert_num_queries) -> None:
    found = list(User.objects.order_by("pk"))

    with django_assert_num_queries(1):
        group = avatar_group(found, 64, max=3)
    assert items(*NAMES) in str(group)


def test_no_more_is_loaded_than_shown(people, django_assert_num_queries) -> None:
    users = User.objects.order_by("pk")

    with django_assert_num_queries(3) as queries:
        group = avatar_group(users, 64, max=3)
    assert items(*NAMES) in str(group)
    assert (group.more, group.total) == (5, 8)
    assert "LIMIT 4" in queries[0]["sql"]
    with django_assert_num_queries(2):
        assert avatar_group(users, 64, max=8).total == 8
    with django_assert_num_queries(1):
        assert avatar_group(users.select_related("profile"), 64, max=3, total=100).more == 97


def test_loaded_querysets(people, django_assert_num_queries) -> None:
    users = User.objects.select_related("profile").order_by("pk")
    assert len(users) == 8

    with django_assert_num_queries(0):
        assert avatar_group(users, max=3).more == 5


def test_slices_and_pages(people) -> None:
    users = User.objects.order_by("pk")

    assert avatar_group(users[2:6], max=3).more == 1
    assert avatar_group(Paginator(users, 4).page(1), max=3).more == 1
    assert avatar_group(users.values_list("profile__avatar", flat=True), max=3).more == 5


def test_related_managers(people, django_assert_num_queries) -> None:
    group = Group.objects.create(name="crew")
    group.user_set.set(people)

    assert avatar_group(group.user_set, max=3).more == 5
    assert avatar_group(group.user_set.order_by("pk"), max=8).more == 0
    group = Group.objects.prefetch_related("user_set__profile").get()
    with django_assert_num_queries(0):
        assert avatar_group(group.user_set, max=3).more == 5


def test_totals_that_lag_behind(people) -> None:
    assert avatar_group(people, max=3, total=2).total == 8
    assert avatar_group(people[:3], max=3, total=100).more == 97


# --- the tag ---


def render(source: str, **context: object) -> str:
    context.setdefault("teams", teams(7))
    return engines["django"].from_string("{% load avatar_kit %}" + source).render(context)


@pytest.mark.parametrize(
    ("tag", "options"),
    [
        ("{% avatar_group teams %}", {}),
        ("{% avatar_group teams 40 max=2 %}", {"size": 40, "max": 2}),
        ("{% avatar_group teams size=40 max='2' %}", {"size": 40, "max": 2}),
        ("{% avatar_group teams 40 max=most %}", {"size": 40, "max": 3}),
        ("{% avatar_group teams max=nothing total=nothing label=nothing %}", {}),
        ("{% avatar_group teams total=20 label='A \"B\"' %}", {"total": 20, "label": 'A "B"'}),
        ("{% avatar_group teams class='a' data-n=7 %}", {"class": "a", "data-n": 7}),
        ('{% avatar_group teams alt="" loading="eager" %}', {"alt": "", "loading": "eager"}),
    ],
)
def test_tag(tag, options) -> None:
    assert render(tag, most=3) == str(avatar_group(teams(7), **options))


def test_tag_with_parts() -> None:
    assert render(
        "{% avatar_group teams 64 max=2 as group %}{{ group.more }} of {{ group.total }} "
        "{{ group.label }}: {% for face in group.faces %}{{ face.alt }}, {% endfor %}"
    ) == ("5 of 7 Teams: Team 1, Team 2, ")
    assert render("{% avatar_group teams as group %}{{ group }}") == str(avatar_group(teams(7)))


@pytest.mark.parametrize(
    "tag", ["{% avatar_group nothing %}", "{% avatar_group nothing.at.all %}"]
)
def test_tag_with_nothing(tag) -> None:
    assert render(tag) == ""
