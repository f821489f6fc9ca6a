"""Case P7: a default is nobody's own picture."""

from __future__ import annotations

import pytest

from django_avatar_kit import rendering
from tests.support.file_kinds import JPEG
from tests.support.lifecycle import column, fresh, upload
from tests.testapp.models import Default, Guest

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small"),
]


def test_p7_a_row_that_shows_the_default_has_no_avatar_of_its_own(storage, files):
    row = Default.objects.create()
    assert column(row) == "default.jpg"
    assert not rendering.has_avatar(row)
    assert not rendering.has_avatar(fresh(row).avatar)
    assert rendering.avatar_url(row, 32) == "/media/default.jpg"
    row.avatar = upload()
    row.save()
    assert rendering.has_avatar(row)


@pytest.mark.parametrize("attname", ["avatar", "cover"])
def test_p7_a_default_that_varies_or_is_the_databases_is_nobodys_either(attname):
    guest = fresh(Guest.objects.create())
    assert column(guest, attname).startswith("stock/")
    assert not rendering.has_avatar(getattr(guest, attname))


def test_p7_the_default_survives_everything(media, files):
    (media / "default.jpg").write_bytes(JPEG)
    row = Default.objects.create()
    row.avatar = upload()
    row.save()
    row.avatar = "default.jpg"
    row.save()
    row.delete()
    assert files() == {"default.jpg"}
