"""Every request of an upload, a replacement and a deletion fails in turn, once and for good.

The server is moto's; the faults are put between it and the kit. Whatever happens, the row points
at files that are there, the log names what failed, and one sweep leaves exactly what rows need.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from typing import Any

import pytest

pytest.importorskip("moto", reason="moto is not installed: no tests on S3.")

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from django_avatar_kit.exceptions import StorageError
from django_avatar_kit.test import make_upload
from tests.support.lifecycle import column, fresh, needed, upload
from tests.support.s3server import IMPATIENCE, PATIENCE, Fault
from tests.testapp.models import Profile

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.weather,
]

#: A master and two renditions go out, side by side; a deletion is one request.
WRITES = 3
FAULTS = ["500", "403", "timeout", "late", "reset before", "reset after", "cut off"]


def always(number: int) -> bool:
    return True


Act = Callable[[Profile], Any]


@pytest.fixture(autouse=True)
def on_s3(bucket: Any, settings: Any, small: None) -> Any:
    bucket.use(settings)
    return bucket


@pytest.fixture
def weather(on_s3: Any, settings: Any) -> Callable[..., AbstractContextManager[None]]:
    """``weather(fault, befalls)``: the requests for whose number ``befalls`` is true go wrong."""

    @contextmanager
    def weather(
        fault: Fault, befalls: Callable[[int], bool], *, attempts: int = 1
    ) -> Iterator[None]:
        # A client that waits in vain need not wait long. On a busy machine, all others must.
        patience = IMPATIENCE if fault in ("timeout", "late") else PATIENCE
        on_s3.use(settings, attempts=attempts, patience=patience)
        with on_s3.server.weather(lambda n, request: fault if befalls(n) else None):
            yield
        on_s3.use(settings)

    return weather


def replace(profile: Profile) -> None:
    profile.avatar = upload("red")
    profile.save()


def clear(profile: Profile) -> None:
    profile.avatar.delete()


def delete(profile: Profile) -> None:
    profile.delete()


def first(profile: Profile) -> None:
    """An upload for a row that has had no avatar."""
    replace(profile)


#: With the number of requests that each of them makes.
ACTS = [(first, WRITES), (replace, WRITES + 1), (clear, 1), (delete, 1)]


def sweep() -> None:
    options = {"delete": True, "min_age": "0", "max_percent": 100, "verbosity": 0}
    call_command("avatar_sweep", stdout=StringIO(), stderr=StringIO(), **options)


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("act", "requests"), ACTS)
def test_the_row_stays_true_and_a_sweep_finds_the_rest(
    act: Act, requests: int, fault: Any, for_good: bool, on_s3: Any, weather: Any, caplog: Any
):
    for number in range(requests):
        caplog.clear()
        user = User.objects.create(username=f"ada {number}")
        profile = Profile(user=user, avatar="" if act is first else upload())
        profile.save()
        profile = fresh(profile)
        before = column(profile)
        failed: StorageError | None = None
        begun = len(on_s3.server.requests)
        with weather(fault, lambda n, at=number: n == at or (for_good and n > at)):
            try:
                act(profile)
            except StorageError as error:
                failed = error
            after = "" if act is delete else column(profile)
            assert len(on_s3.server.requests) > begun + number
        # What a row points at is there, even now.
        assert needed() <= on_s3.keys()
        if number < WRITES and act in (first, replace):
            assert failed is not None
            assert after == before
            assert failed.params["key"] in str(failed)
        else:
            # The row has its new name, or is gone; its old files are what could not be deleted.
            assert failed is None
            assert after != before
            assert before in caplog.text
        sweep()
        assert on_s3.keys() == needed()


@pytest.mark.parametrize("fault", ["500", "timeout", "reset before", "reset after", "cut off"])
@pytest.mark.parametrize("number", range(WRITES + 1))
def test_a_second_attempt_that_the_site_asks_for_makes_good(
    number: int, fault: Any, on_s3: Any, weather: Any, caplog: Any
):
    profile = Profile(user=User.objects.create(username="ada"), avatar=upload())
    profile.save()
    caplog.set_level(logging.ERROR, "django_avatar_kit")
    with weather(fault, lambda n: n == number, attempts=2):
        replace(profile)
    assert on_s3.keys() == needed()
    assert [record for record in caplog.records if "avatar" in record.name] == []


def test_a_slow_answer_is_waited_for(on_s3: Any, weather: Any):
    with weather("slow", always):
        profile = Profile(user=User.objects.create(username="ada"), avatar=upload())
        profile.save()
        replace(profile)
    assert on_s3.keys() == needed()


@pytest.mark.parametrize("fault", ["500", "403", "timeout", "reset before"])
def test_the_user_reads_that_the_storage_could_not_be_reached(
    fault: Any, on_s3: Any, weather: Any, client: Any, caplog: Any
):
    user = User.objects.create(username="ada")
    profile = Profile(user=user, avatar=upload())
    profile.save()
    before = column(profile)
    client.force_login(user)
    with weather(fault, always):
        response = client.post("/avatar/", {"avatar": make_upload()})
    assert response.status_code == 200
    (error,) = response.context["form"].errors.as_data()["avatar"]
    assert error.code == "storage"
    assert "the storage could not be reached" in error.messages[0]
    assert error.messages[0] in response.text
    assert column(profile) == before
    assert caplog.text.count("An avatar could not be saved: “avatars/") == 1
    sweep()
    assert on_s3.keys() == needed()


def test_nobody_learns_a_key_from_the_form(weather: Any, client: Any):
    user = User.objects.create(username="ada")
    client.force_login(user)
    with weather("500", always):
        response = client.post("/avatar/", {"avatar": make_upload()})
    assert "avatars/" not in response.text


@pytest.mark.parametrize("what", ["no bucket of this name", "no network"])
def test_pages_without_storage_are_pages_without_pictures(
    what: str, on_s3: Any, client: Any, settings: Any, db: None
):
    user = User.objects.create(username="ada")
    Profile.objects.create(user=user, avatar=upload())
    gone = (
        {"bucket_name": "there-is-none"}
        if what == "no bucket of this name"
        else {"endpoint_url": "http://127.0.0.1:9"}
    )
    client.force_login(user)
    for options in ({"querystring_auth": False}, {}, {"custom_domain": "cdn.example.org"}):
        on_s3.use(settings, **gone, **options)
        response = client.get("/avatar/")
        assert response.status_code == 200
        assert "<img" in response.text
        response = client.post("/avatar/", {"avatar": make_upload()})
        assert response.status_code == 200
        assert "the storage could not be reached" in response.text


def test_a_sweep_that_cannot_list_says_so(on_s3: Any, settings: Any):
    on_s3.use(settings, bucket_name="there-is-none")
    with pytest.raises(CommandError, match=r"“default” could not be listed: .*NoSuchBucket"):
        sweep()
