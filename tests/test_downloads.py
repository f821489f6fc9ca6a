"""A picture at a URL: fetched, or refused, by real servers on loopback, good and bad ones."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.functional import SimpleLazyObject

from django_avatar_kit import fetching
from django_avatar_kit.downloads import (
    DownloadError,
    DownloadRefused,
    DownloadRules,
    DownloadTimeout,
    download,
    save_from_url,
)
from django_avatar_kit.exceptions import (
    AvatarReplaced,
    NotAnImage,
    TruncatedImage,
    UploadTooLarge,
)
from django_avatar_kit.sockets import is_public
from django_avatar_kit.test import make_image, settle
from django_avatar_kit.uploads import imaging
from tests.support.lifecycle import column, files_of, fresh, make_profile, upload
from tests.support.web import (
    PUBLIC,
    Web,
    certificate,
    fake_internet,
    redirect,
    response,
    server_context,
)
from tests.testapp.models import Channel, Profile, Team

#: For the server of these tests.
LOCAL = DownloadRules(schemes=("http",), ports=None, allow_private=True)
#: The same, for a server that never comes to an end.
HASTY = replace(LOCAL, timeout=0.2)
PICTURE = make_image((60, 40))


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.stop()


@pytest.fixture(scope="session")
def pem(tmp_path_factory: Any) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def https(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server that is ``pictures.example.org``, as far as its address and certificate tell."""
    web = Web(server_context(pem))
    web.seen = fake_internet(monkeypatch, {"pictures.example.org": [PUBLIC]}, {PUBLIC: web})
    web.rules = DownloadRules(ssl_context=ssl.create_default_context(cafile=pem))
    yield web
    web.stop()


def reason(error: Any) -> str:
    return str(error.value.params["reason"])


# --- what is fetched --------------------------------------------------------------------------


def test_the_file_and_its_name(web):
    web.answers["/faces/ada%20l.jpg?size=96"] = response(PICTURE)
    file = download(web.url("/faces/ada%20l.jpg?size=96#top"), LOCAL)
    assert (file.name, file.read()) == ("ada l.jpg", PICTURE)


def test_the_request_says_nothing_of_the_site_or_the_user(web, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    web.answers["/"] = response(PICTURE, set_cookie="session=1")
    assert download(web.url(""), LOCAL).name == "localhost"
    download(web.url("/"), LOCAL)
    request = (
        "GET / HTTP/1.1\r\n"
        f"Host: localhost:{web.port}\r\n"
        "Accept: image/*\r\n"
        "Accept-Encoding: identity\r\n"
        "Connection: close\r\n"
        "User-Agent: django-avatar-kit\r\n\r\n"
    )
    assert web.asked == [request, request]


def test_a_url_with_other_letters(web):
    web.answers["/%C3%A4%20b.jpg"] = response(PICTURE)
    assert download(web.url("/ä b.jpg"), LOCAL).name == "ä b.jpg"


def test_a_path_that_begins_with_two_slashes(web):
    web.answers["//ada.jpg?size=96"] = response(PICTURE)
    assert download(web.url("//ada.jpg?size=96"), LOCAL).read() == PICTURE


def test_an_answer_without_a_length(web):
    web.answers["/ada.jpg"] = response(PICTURE, content_length="")
    assert download(web.url(), LOCAL).read() == PICTURE


def test_an_answer_in_chunks(web):
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PICTURE), PICTURE)
    web.answers["/ada.jpg"] = response(body, content_length="", transfer_encoding="chunked")
    assert download(web.url(), LOCAL).read() == PICTURE


def test_redirects_are_followed(web):
    web.answers |= {"/a": redirect("/b"), "/b": redirect(web.url("/c")), "/c": redirect("ada.jpg")}
    web.answers["/ada.jpg"] = response(PICTURE)
    assert download(web.url("/a"), LOCAL).name == "ada.jpg"


def test_by_default_from_a_server_with_a_certificate(https):
    https.answers["/ada.jpg"] = response(PICTURE)
    assert download("https://pictures.example.org/ada.jpg", https.rules).read() == PICTURE
    assert "Host: pictures.example.org\r\n" in https.asked[0]
    # The name was asked for once, and the address that was checked is the one.
    assert https.seen == ["asked for pictures.example.org", f"connected to {PUBLIC}"]


@pytest.mark.parametrize("address", ["2606:4700:4700::1111", "2606:4700:4700::84e5"])
def test_a_host_that_is_an_ipv6_address(address, web, monkeypatch):
    """Its end is no port."""
    fake_internet(monkeypatch, {address: [address]}, {address: web})
    web.answers["/ada.jpg"] = response(PICTURE)
    assert download(f"http://[{address}]/ada.jpg", LOCAL).read() == PICTURE
    assert f"Host: [{address}]\r\n" in web.asked[0]


# --- what is not asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            "http://example.org/a.jpg",
            "it begins with “http:”, and DownloadRules(schemes=…) allows only “https:”",
        ),
        (
            "file:///etc/passwd",
            "it begins with “file:”, and DownloadRules(schemes=…) allows only “https:”",
        ),
        ("a.jpg", "it begins with “:”, and DownloadRules(schemes=…) allows only “https:”"),
        ("https:///a.jpg", "it names no host"),
        ("data:image/png;base64,iVBORw0KGgo=", "it begins with “data:”, and DownloadRules(sch"),
        ("https://example.org:port/", "it is no URL"),
        ("https://example.org:65536/", "it is no URL"),
        ("https://[::1/", "it is no URL"),
        (
            "https://ada:secret@example.org/",
            "it has a user name, and none is sent. Leave it out of the URL",
        ),
        (
            "https://:secret@example.org/",
            "it has a user name, and none is sent. Leave it out of the URL",
        ),
        # What Python says about these has the password in it.
        ("https://ada:secret@example℀.org/", "it is no URL"),
        ("https://example.org:secret/", "it is no URL"),
        (
            "https://example.org:22/",
            "its port is 22, and DownloadRules(ports=…) allows only 443 or 80",
        ),
        ("https://example.org:0/", "its port is 0, and DownloadRules(ports=…) allows only"),
        # A tab is no part of a URL: browsers and urlsplit() read on behind it.
        ("https://example.org\t:22/", "its port is 22, and"),
    ],
)
def test_urls_that_are_refused(url, why, monkeypatch):
    seen = fake_internet(monkeypatch, {}, {})
    with pytest.raises(DownloadRefused) as error:
        download(url)
    assert reason(error).startswith(why)
    assert error.value.code == "download_refused"
    assert "secret" not in reason(error)
    assert seen == []


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://2130706433/",
        "https://inside.example.org/",
        "http://pictures.example.org/",
        "https://pictures.example.org:22/",
        "https://ada@pictures.example.org/",
        "file:///etc/passwd",
        "data:image/png;base64,iVBORw0KGgo=",
        "https://[",
    ],
)
def test_redirects_that_are_refused(location, https, monkeypatch):
    names = {
        "pictures.example.org": [PUBLIC],
        "localhost": ["127.0.0.1"],
        # As a name server of the system's reads it.
        "2130706433": ["127.0.0.1"],
        "inside.example.org": ["10.1.2.3", "192.168.0.1"],
    }
    seen = fake_internet(monkeypatch, names, {PUBLIC: https})
    https.answers["/ada.jpg"] = redirect(location)
    with pytest.raises(DownloadRefused):
        download("https://pictures.example.org/ada.jpg", https.rules)
    assert len(https.asked) == 1
    connections = [each for each in seen if each.startswith("connected")]
    assert connections == [f"connected to {PUBLIC}"]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0"),  # noqa: S104
        *("[::]", "[::1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[fe80::1]"),
        # Other letters and dots, which become these when the name is asked for.
        *("ⓛocalhost", "\uff11\uff12\uff17.0.0.1", "127。0。0。1"),
    ],
)
def test_this_machine_by_its_other_names(host):
    """As the resolver of the system reads them; nothing here is faked."""
    with pytest.raises(DownloadError) as error:
        download(f"https://{host}/a.jpg", DownloadRules(timeout=5))
    # Where a system has no IPv6, its addresses are no names.
    assert isinstance(error.value, DownloadRefused) or ":" in host


def test_what_is_said_of_an_address_in_the_network(monkeypatch):
    """Not the address: who sees the message could ask for one name after the other."""
    fake_internet(monkeypatch, {"db.internal": ["10.1.2.3"]}, {})
    with pytest.raises(DownloadRefused) as error:
        download("https://db.internal/a.jpg?token=secret")
    assert str(error.value) == (
        "“https://db.internal/a.jpg” could not be downloaded: db.internal has no address on the "
        "internet. Only DownloadRules(allow_private=True) allows others."
    )


@pytest.mark.parametrize(
    "at", ["/a b.jpg", "/a\r\nX-Evil: 1.jpg", "/a.jpg?b=\r\n\r\nGET /", "/a\0.jpg"]
)
def test_a_url_adds_no_line_to_the_request(at, web):
    web.answers = defaultdict(lambda: response(PICTURE))
    download(web.url(at), LOCAL)
    first, *others = web.asked[0].splitlines()
    assert re.fullmatch(r"GET /a[!-~]* HTTP/1\.1", first)
    names = [line.partition(":")[0] for line in others]
    assert names == ["Host", "Accept", "Accept-Encoding", "Connection", "User-Agent", ""]


@pytest.mark.parametrize("host", ["exa\0mple.org", "exa mple.org", ".example.org", "ex\ud800.org"])
def test_a_host_that_no_certificate_can_have(host, https, monkeypatch):
    """Some resolvers find an address all the same: they stop at a NUL, or take any text."""
    fake_internet(monkeypatch, {host: [PUBLIC]}, {PUBLIC: https})
    with pytest.raises(DownloadError):
        download(f"https://{host}/ada.jpg", https.rules)
    assert https.asked == []


def test_a_name_with_a_private_address_beside_a_public_one(https, monkeypatch):
    names = {"pictures.example.org": ["10.0.0.1", PUBLIC]}
    seen = fake_internet(monkeypatch, names, {PUBLIC: https, "10.0.0.1": https})
    https.answers["/ada.jpg"] = response(PICTURE)
    download("https://pictures.example.org/ada.jpg", https.rules)
    assert seen == ["asked for pictures.example.org", f"connected to {PUBLIC}"]


def test_an_address_that_does_not_answer_leaves_the_others(https, monkeypatch):
    names = {"pictures.example.org": ["93.184.215.15", PUBLIC]}
    fake_internet(monkeypatch, names, {PUBLIC: https})
    https.answers["/ada.jpg"] = response(PICTURE)
    assert download("https://pictures.example.org/ada.jpg", https.rules).read() == PICTURE


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        # IPv4 behind an address of a network that has IPv6 alone.
        ("64:ff9b::5db8:d70e", True),
        ("64:ff9b::a9fe:a9fe", False),
        *(
            (each, False)
            for each in [
                *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
                *("0.0.0.1", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
                *("::", "::1", "fe80::1%eth0", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1"),
                *(
                    "192.0.0.192",
                    "168.63.129.16",
                    "198.18.0.1",
                    "203.0.113.1",
                    "fe80::1",
                    "64:ff9b:1::7f00:1",
                ),
                # IPv4 in IPv6: mapped, compatible, 6to4, Teredo.
                *("::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::1", "2002:5db8:d70e::1"),
                "2001:0:5db8:d70e:8000:63bf:80ff:fffe",
            ]
        ),
    ],
)
def test_which_addresses_are_on_the_internet(address, public):
    assert is_public(address) is public


# --- bad servers ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "302 Found"])
def test_an_answer_without_a_picture(status, web):
    web.answers["/ada.jpg"] = response(status=status)
    with pytest.raises(DownloadError) as error:
        download(web.url(), LOCAL)
    assert reason(error) == f"the server answered {status[:3]}"


def test_redirects_in_a_circle(web):
    web.answers |= {"/ada.jpg": redirect("/b"), "/b": redirect("/ada.jpg")}
    with pytest.raises(DownloadRefused) as error:
        download(web.url(), LOCAL)
    assert reason(error) == "it comes after 3 redirects, and no more are followed"
    assert len(web.asked) == 4


def test_a_length_that_is_too_large_is_believed(web, settings):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 1000}
    web.answers["/ada.jpg"] = web.again_and_again(b"", response(content_length=1001), pause=1)
    with pytest.raises(UploadTooLarge) as error:
        download(web.url(), LOCAL)
    assert error.value.params["size"] == 1001


def test_a_body_without_an_end(web, settings):
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 300_000}
    web.answers["/ada.jpg"] = web.again_and_again(bytes(9999), response(content_length=""))
    with pytest.raises(UploadTooLarge) as error:
        download(web.url(), LOCAL)
    assert 300_000 < error.value.params["size"] <= 300_000 + fetching.BLOCK


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        # To Python, "-1" bytes are all that there are, until there is no memory left.
        (CHUNKED + b"-1\r\n", bytes(9999)),
        (CHUNKED + b"-5\r\n", bytes(9999)),
        (CHUNKED, b"1;" + b"x" * 9999 + b"\r\ny\r\n"),
        (CHUNKED + b"0\r\n", b"Trailer: x\r\n" * 999),
        (CHUNKED, b"f" * 9999),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
        (b"HTTP/1.1 200 OK\r\n", b"A: " + b"x" * 9999 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x" * 9999),
        # HTTP/0.9 had no headers.
        (b"", b"x" * 9999),
    ],
)
def test_a_server_that_sends_without_an_end(start, piece, web, settings):
    """What comes beside the picture is counted as well."""
    settings.AVATAR_KIT = {"MAX_UPLOAD_SIZE": 1000}
    web.answers["/ada.jpg"] = web.again_and_again(piece, start)
    with pytest.raises(DownloadError) as error:
        download(web.url(), LOCAL)
    assert not isinstance(error.value, DownloadTimeout)
    assert reason(error).startswith(
        ("the server sends more than belongs to a picture", "the answer is no proper HTTP (")
    )


def test_chunks_of_one_byte(web):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in PICTURE)
    web.answers["/ada.jpg"] = CHUNKED + chunks + b"0\r\n\r\n"
    assert download(web.url(), LOCAL).read() == PICTURE


@pytest.mark.parametrize("length", ["-7", "9" * 5000, "many"])
def test_a_length_that_is_none(length, web):
    web.answers["/ada.jpg"] = response(PICTURE, content_length=length)
    assert download(web.url(), LOCAL).read() == PICTURE


def test_a_body_that_ends_too_early(web):
    web.answers["/ada.jpg"] = response(PICTURE, content_length=len(PICTURE) + 7)
    with pytest.raises(DownloadError) as error:
        download(web.url(), LOCAL)
    assert "7 bytes" in reason(error)


def test_a_body_that_is_longer_than_its_length_is_cut(web):
    web.answers["/ada.jpg"] = response(PICTURE, content_length=len(PICTURE) - 300)
    assert download(web.url(), LOCAL).size == len(PICTURE) - 300


@pytest.mark.parametrize(
    "where",
    ["in the headers", "in the body", "before anything"],
)
def test_a_server_that_drips(where, web):
    start = {
        "in the headers": b"HTTP/1.1 200 OK\r\nX: ",
        "in the body": response(content_length=""),
        "before anything": b"",
    }[where]
    web.answers["/ada.jpg"] = web.again_and_again(b"x" if start else b"", start, pause=0.01)
    with pytest.raises(DownloadTimeout) as error:
        download(web.url(), HASTY)
    assert str(error.value) == (
        f"“{web.url()}” could not be downloaded: it did not arrive in full within 0.2 s, the time "
        "that it has."
    )
    assert (error.value.code, error.value.params["limit"]) == ("download_timeout", 0.2)


def test_a_server_that_begins_no_encryption(web, pem):
    context = ssl.create_default_context(cafile=pem)
    web.answers["/ada.jpg"] = b""
    rules = replace(HASTY, schemes=("https",), ssl_context=context)
    with pytest.raises(DownloadTimeout):
        download(web.url().replace("http:", "https:"), rules)


def test_a_certificate_that_nobody_knows(https):
    with pytest.raises(DownloadError) as error:
        download("https://pictures.example.org/ada.jpg")
    assert "certificate" in reason(error)


def test_a_certificate_of_another_host(https, monkeypatch):
    fake_internet(monkeypatch, {"other.example.org": [PUBLIC]}, {PUBLIC: https})
    with pytest.raises(DownloadError) as error:
        download("https://other.example.org/ada.jpg", https.rules)
    assert "certificate" in reason(error)


@pytest.mark.parametrize(
    "answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200]
)
def test_what_is_no_http(answer, web):
    web.answers["/ada.jpg"] = answer
    with pytest.raises(DownloadError) as error:
        download(web.url(), LOCAL)
    told = ("the answer is no proper HTTP (", "Connection reset", "Remote end closed")
    assert reason(error).startswith(told)


def test_a_name_that_does_not_exist(monkeypatch):
    def unknown(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    with pytest.raises(DownloadError) as error:
        download("https://nowhere.example.org/")
    assert reason(error) == "Name or service not known"


def test_a_name_that_cannot_be_one():
    with pytest.raises(DownloadError):
        download(f"https://{'ä' * 70}.example.org/")


def test_a_name_server_that_does_not_answer(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_options: over.wait())
    with pytest.raises(DownloadTimeout):
        download("https://slow.example.org/", DownloadRules(timeout=0.05))
    over.set()


def test_no_time_is_left(web):
    with pytest.raises(DownloadTimeout):
        download(web.url(), replace(LOCAL, timeout=0))


def test_servers_that_refuse(monkeypatch):
    fake_internet(monkeypatch, {"pictures.example.org": [PUBLIC, "93.184.215.15"]}, {})
    with pytest.raises(DownloadError) as error:
        download("https://pictures.example.org/")
    assert reason(error) == "Connection refused"


def test_a_machine_that_has_no_thread_left(monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    with pytest.raises(DownloadError) as error:
        download("https://pictures.example.org/ada.jpg")
    assert reason(error) == "its host could not be looked up: can't start new thread"


@pytest.mark.parametrize("where", ["getaddrinfo", "create_connection"])
def test_the_time_limit_of_a_task_is_not_taken_for_the_server_s(where, monkeypatch):
    """What a signal handler raises comes out as it is."""

    def interrupted(*_args: Any, **_options: Any) -> Any:
        raise TimeoutError("This task has had its time.")

    fake_internet(monkeypatch, {"pictures.example.org": [PUBLIC]}, {})
    monkeypatch.setattr(f"socket.{where}", interrupted)
    with pytest.raises(TimeoutError, match="has had its time"):
        download("https://pictures.example.org/")


@pytest.mark.parametrize(
    "location", ["http://inside.example.org/", "http://pictures.example.org/"]
)
def test_from_https_to_http_and_inside(location, https, monkeypatch):
    """A site that takes http as well is still kept out of its own network."""
    rules = replace(https.rules, schemes=("https", "http"))
    names = {"pictures.example.org": [PUBLIC], "inside.example.org": ["192.168.0.1"]}
    plain = Web()
    plain.answers["/"] = response(PICTURE)
    https.answers["/ada.jpg"] = redirect(location)
    seen = fake_internet(monkeypatch, names, {PUBLIC: https, "192.168.0.1": plain})
    with pytest.raises(DownloadError):
        download("https://pictures.example.org/ada.jpg", rules)
    plain.stop()
    assert "connected to 192.168.0.1" not in seen


def test_a_name_that_has_another_address_a_moment_later(https, monkeypatch):
    """The connection goes to the address that was checked: the name is asked for once."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    fake_internet(monkeypatch, {}, {PUBLIC: https})

    def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in next(answers)
        ]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    https.answers["/ada.jpg"] = redirect("/bo.jpg")
    with pytest.raises(DownloadRefused, match="no address on the internet"):
        download("https://pictures.example.org/ada.jpg", https.rules)
    assert len(https.asked) == 1


# --- into an avatar ---------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
class TestSaving:
    def test_the_picture_becomes_the_avatar(self, web, files):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = make_profile(avatar=False)
        profile.avatar.save_from_url(web.url(), crop=(5, 5, 20, 20), rules=LOCAL)
        assert fresh(profile).avatar.avatar_name.crop == (5, 5, 20, 20)
        assert files() == files_of(column(profile))

    def test_it_may_be_saved_later(self, web, files):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = make_profile(avatar=False)
        profile.avatar.save_from_url(web.url(), save=False, rules=LOCAL)
        assert files() == set()
        profile.save()
        assert files() == files_of(column(profile))

    def test_it_replaces_another(self, web, files):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = fresh(make_profile())
        profile.avatar.save_from_url(web.url(), rules=LOCAL)
        settle()
        assert files() == files_of(column(profile))

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b"<!doctype html><title>Log in</title>", NotAnImage),
            # Of a picture; nothing is unpacked, so neither is a bomb.
            (gzip.compress(bytes(10**6)), NotAnImage),
            (PICTURE[:-300], TruncatedImage),
        ],
    )
    def test_what_came_is_judged_by_its_content(self, body, error, web, files):
        headers = {"content_type": "image/jpeg", "content_encoding": "gzip"}
        web.answers["/ada.jpg"] = response(body, **headers)
        profile = fresh(make_profile())
        before = column(profile), files()
        with pytest.raises(error) as raised:
            profile.avatar.save_from_url(web.url(), rules=LOCAL)
        assert raised.value.params["filename"] == "ada.jpg"
        assert (column(profile), files()) == before

    def test_an_avatar_that_is_there_may_be_kept(self, web):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = fresh(make_profile())
        before = column(profile)
        with pytest.raises(AvatarReplaced):
            profile.avatar.save_from_url(web.url(), replace=False, rules=LOCAL)
        assert column(profile) == before

    def test_so_may_one_that_was_chosen_meanwhile(self, web, files):
        """While the picture is on its way, the user uploads one."""
        profile = make_profile(avatar=False)
        mine = fresh(profile)
        web.answers["/ada.jpg"] = response(PICTURE)
        mine.avatar.save_from_url(web.url(), save=False, replace=False, rules=LOCAL)
        profile.avatar.save("chosen.jpg", upload(color="red"))
        chosen = column(profile)
        with pytest.raises(AvatarReplaced), transaction.atomic():
            mine.save()
        settle()
        assert column(profile) == chosen
        assert files() == files_of(chosen)

    def test_so_may_one_that_is_not_saved_yet(self, web):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = make_profile(avatar=False)
        profile.avatar = upload()
        with pytest.raises(AvatarReplaced):
            profile.avatar.save_from_url(web.url(), replace=False, rules=LOCAL)

    def test_a_default_is_no_avatar(self, web):
        web.answers["/ada.jpg"] = response(PICTURE)
        channel = fresh(Channel.objects.create(name="news"))
        channel.badge.save_from_url(web.url(), replace=False, rules=LOCAL)
        assert fresh(channel).badge.avatar_name is not None


@pytest.mark.django_db
@pytest.mark.usefixtures("small")
class TestOfAnOwner:
    def test_of_a_user(self, web, files):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = make_profile()
        avatar = save_from_url(profile.user, web.url(), crop=(5, 5, 20, 20), rules=LOCAL)
        settle()
        assert avatar.name == column(profile)
        assert avatar.avatar_name.crop == (5, 5, 20, 20)
        assert files() == files_of(column(profile))

    def test_a_profile_is_made(self, web, files):
        web.answers["/ada.jpg"] = response(PICTURE)
        user = User.objects.create(username="ada")
        # As request.user is.
        lazy: Any = SimpleLazyObject(lambda: user)
        avatar = save_from_url(lazy, web.url(), rules=LOCAL)
        assert column(user.profile) == avatar.name
        assert files() == files_of(avatar.name)

    def test_no_profile_is_made_for_nothing(self, web):
        web.answers["/ada.jpg"] = response(status="404 Not Found")
        user = User.objects.create(username="ada")
        with pytest.raises(DownloadError):
            save_from_url(user, web.url(), rules=LOCAL)
        assert not Profile.objects.exists()

    def test_no_profile_is_made_for_what_is_no_picture(self, web):
        web.answers["/ada.jpg"] = response(PICTURE[:200])
        user = User.objects.create(username="ada")
        with pytest.raises(TruncatedImage):
            save_from_url(user, web.url(), rules=LOCAL)
        assert not Profile.objects.exists()

    def test_the_picture_of_a_new_profile_is_decoded_once(self, web, monkeypatch):
        web.answers["/ada.jpg"] = response(PICTURE)
        loaded = []
        load = imaging.load

        def count(*given, **options):
            loaded.append(options["crop"])
            return load(*given, **options)

        monkeypatch.setattr(imaging, "load", count)
        user = User.objects.create(username="ada")
        avatar = save_from_url(user, web.url(), crop=(10, 0, 20, 20), rules=LOCAL)
        assert loaded == [(10, 0, 20, 20)]
        assert avatar.name == column(Profile.objects.get())

    def test_of_a_row_with_an_avatar_of_its_own(self, web):
        web.answers["/ada.jpg"] = response(PICTURE)
        team = Team.objects.create()
        assert save_from_url(team, web.url(), rules=LOCAL).name == column(team)

    def test_an_avatar_that_is_there_may_be_kept(self, web):
        web.answers["/ada.jpg"] = response(PICTURE)
        profile = make_profile()
        before = column(profile)
        with pytest.raises(AvatarReplaced):
            save_from_url(profile.user, web.url(), replace=False, rules=LOCAL)
        assert column(profile) == before

    def test_who_cannot_have_one_asks_nobody(self, web):
        with pytest.raises(TypeError, match="has no avatar"):
            save_from_url(ContentType(), web.url(), rules=LOCAL)
        assert web.asked == []
