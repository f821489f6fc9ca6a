"""The whole story once more without django-cleanup, and with it in its selected mode.

The rest of the suite runs beside django-cleanup in its ordinary mode. The other two need processes
of their own, since its handlers are connected when Django starts; they run at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import postgres

pytestmark = [pytest.mark.lifecycle, pytest.mark.modes]

ROOT = Path(__file__).parents[2]
STORY = (
    *("save_path", "updates", "names_of_others", "bulk", "site_receivers", "refused"),
    *("deletion", "settlement", "with_django_cleanup", "rollback", "saved_again", "thumbnails"),
)
MODES = {"without": "", "selected": "django_cleanup.apps.CleanupSelectedConfig"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    if "AVATAR_KIT_TEST_CLEANUP" in os.environ:
        pytest.skip("This is such a process.")
    started = {
        mode: _start(installed, tmp_path_factory.mktemp(mode)) for mode, installed in MODES.items()
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def _start(installed: str, temporary: Path) -> subprocess.Popen[str]:
    # Its own PostgreSQL, too, and no measuring: these lines have been counted. And its own folder
    # for temporary files: of two runs that tidy up one at the same time, one may fail.
    environ = {
        key: value
        for key, value in os.environ.items()
        if key != postgres.PORT and not key.startswith("COV_CORE")
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x"),
            *(f"tests/lifecycle/test_{story}.py" for story in STORY),
            # Refused before anybody hears of it.
            *("-k", "not bad_upload"),
            f"--basetemp={temporary / 'files'}",
        ],
        cwd=ROOT,
        env={**environ, "AVATAR_KIT_TEST_CLEANUP": installed},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_story_is_the_same(runs, mode):
    output, _ = runs[mode].communicate(timeout=300)
    assert runs[mode].returncode == 0, output
    assert " passed" in output
