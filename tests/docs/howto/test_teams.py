from __future__ import annotations

import pytest

from tests.support.howtos import page
from tests.support.small_site import Site


@pytest.mark.docs
def test_the_site_of_the_page(tmp_path):
    site = Site(tmp_path)
    site.add_page(page("teams"))
    site.run(
        """
        from django.contrib.auth.models import User
        from people.models import Team

        ada, bob = map(User.objects.create_user, ["ada", "bob"])
        team = Team.objects.create(name="Rockets", captain=ada)
        url = f"/teams/{team.pk}/picture/"
        client = Client()
        client.force_login(bob)
        assert client.post(url, {"avatar": make_upload()}).status_code == 403
        client.force_login(ada)
        assert client.post(url, {"avatar": make_upload()}).status_code == 302
        assert Team.objects.get().avatar
        assert client.post(f"{url}delete/").status_code == 302
        assert not Team.objects.get().avatar
        """,
    )
