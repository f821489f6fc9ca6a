"""What is wrong on a page is found, and the place is named."""

from __future__ import annotations

import pytest
from jinja2 import TemplateSyntaxError

from tests.docs.checking import CHECKS
from tests.docs.starting import run_in_a_process
from tests.support.markdown import ROOT, Part

pytestmark = pytest.mark.docs


def block(language: str, text: str) -> Part:
    return Part(page=ROOT / "README.md", line=1, kind="block", text=text, language=language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("shell", "python manage.py avatar_sweep --foreign --min-age 0"),
        ("shell", "env STORAGE=s3 python manage.py avatar_build --dry-run && make demo PORT=8001"),
        ("shell", 'pip install "django-avatar-kit[s3]"'),
        ("html", '<p>…<img src="a.webp"></p>'),
        ("css", "a { color: red; } /* } */"),
        ("javascript", 'call(() => { return "}" })'),
        ("python", '"OPTIONS": {"a": 1},'),
        ("python", 'path("avatar/", view),'),
        ("jinja", "{{ avatar(user, 64) }}"),
    ],
)
def test_what_is_right(language, text):
    CHECKS[language](block(language, text))


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("shell", "python manage.py avatar_sweep --min-agee 0", "avatar_sweep: .*--min-agee"),
        ("shell", "python manage.py avatar_polish", "no command avatar_polish"),
        ("shell", "make tea", "no “make tea”"),
        ("shell", "make demo POT=1", "POT is not used"),
        ("shell", 'pip install "django-avatar-kit[tea]"', "no extra"),
        ("shell", "pip install teapot", "does not name teapot"),
        ("shell", "teapot --boil", "“teapot” is unknown"),
        ("shell", "python -m teapot", "No module teapot"),
        ("html", "<p><b>bold</p></b>", "</p> stands where <b> ends"),
        ("html", "<p>", "Nothing closes <p>"),
        ("css", "a { color: red;", "“}” is missing"),
        ("javascript", "call(]", "“]” closes nothing"),
    ],
)
def test_what_is_wrong(language, text, message):
    with pytest.raises(AssertionError, match=message):
        CHECKS[language](block(language, text))


@pytest.mark.parametrize(
    ("language", "text", "error"),
    [
        ("json", "{,}", ValueError),
        ("python", "class:", SyntaxError),
        ("jinja", "{{ avatar( }}", TemplateSyntaxError),
        ("toml", "a =", ValueError),
    ],
)
def test_what_cannot_be_read(language, text, error):
    with pytest.raises(error):
        CHECKS[language](block(language, text))


PAGE = """
# A page

Add `django_avatar_kit.apps` and `django_avatar_kit.appetite`.

```python
from django_avatar_kit.models import AvatarMixin, NoSuchName
```

```python
class Pupil(AvatarMixin):
    name = models.CharField(max_length=20)


AVATAR_KIT = {"SIZE": (64,)}
```

```django
{% avatar user 64 %}{% avatar nobody 64 sizes="(" as face %}{% avatar_polish user %}
```
"""


def test_wrong_examples_fail_and_right_ones_do_not(tmp_path):
    """Executed as the pages of the documentation are."""
    (tmp_path / "page.md").write_text(PAGE)
    failures = run_in_a_process([tmp_path / "page.md"], tmp_path)
    assert [place.rpartition(":")[2] for place in failures] == [
        "7",
        "11",
        "19",
        "4 django_avatar_kit.appetite",
    ]
    import_, setting, tag, path = failures.values()
    assert "NoSuchName" in import_
    assert "Did you mean 'SIZES'?" in setting
    assert "avatar_polish" in tag
    assert path == "The kit has nothing there."
