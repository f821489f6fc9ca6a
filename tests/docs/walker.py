"""Does what a page of the documentation tells its reader to do, and sees what it says they see.

A page speaks to the walker in the words in which it speaks to its reader:

=============================================  ==================================================
a paragraph that ends with                      and the block behind it
=============================================  ==================================================
the new file `profiles/views.py`:               is written to that file, which did not exist
the whole of `profiles/views.py`:               takes the place of the file
at the end of `mysite/settings.py`:             is added to the file
=============================================  ==================================================

======================================  =========================================================
a block of                              is
======================================  =========================================================
``shell``                               commands, one a line. All must succeed. Servers are started
                                        and stay. ``pip install`` is not run: the walker looks
                                        whether the package is installed.
``text``                                all that the commands above it print
``html``                                a part of the page that is open
======================================  =========================================================

``…`` stands for anything within a line, and a line ``…`` for any lines.

Sentences are done as well:

- Open <http://127.0.0.1:8000/>
- Log in as `ada`
- Choose `ada.jpg`; tick “Clear”; press “Save”; follow “Change your picture”

Any other block fails the walk, so that nothing on the page is left out in silence.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryFile
from typing import final

from packaging.requirements import Requirement

from tests.docs.visitor import Visitor
from tests.support.markdown import Part
from tests.support.processes import python_path

NEW = re.compile(r"\bnew file `([^`]+)`:$")
WHOLE = re.compile(r"\bwhole of `([^`]+)`:$")
END = re.compile(r"\bat the end of `([^`]+)`:$")

SENTENCES = re.compile(
    r"\bopen <(?P<open>http://[^>]+)>"
    r"|\blog in as `(?P<log_in>[^`]+)`"
    r"|\bchoose `(?P<choose>[^`]+)`"
    r"|\btick “(?P<tick>[^”]+)”"
    r"|\bpress “(?P<press>[^”]+)”"
    r"|\bfollow “(?P<follow>[^”]+)”",
    re.IGNORECASE,
)
#: What createsuperuser asks for. Its questions need a terminal, which a test has not.
PASSWORD = "only-for-this-walk"
#: Ports that the pages name. Others of this machine are used instead, and shown as these.
PORTS = ("8000", "5555")
#: A server that is not there within this time, in seconds, does not come.
PATIENCE = 120


@final
class Walker:
    """A reader with an empty folder, a terminal and a browser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.visitor = Visitor()
        self._ports = dict(zip(PORTS, map(str, _free_ports(len(PORTS))), strict=True))
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        #: True once files have changed that the site's server has read.
        self._stale = False
        self._printed: str | None = None
        self._log = TemporaryFile()  # noqa: SIM115 - see __exit__()

    # -- what a page tells ---------------------------------------------------------------------

    def walk(self, parts: Iterable[Part]) -> None:
        """Do everything that a page says. A failure names the line of the page."""
        before: Part | None = None
        for part in parts:
            try:
                if part.kind == "paragraph":
                    self.say(part.text)
                elif part.kind == "block":
                    self._do(part, before)
            except Exception as error:
                raise AssertionError(f"{part.place}: {error}\n{self._said()}") from error
            before = part

    def _do(self, block: Part, before: Part | None) -> None:
        announced = before.text if before is not None and before.kind == "paragraph" else ""
        if path := NEW.search(announced):
            target = self.folder / path[1]
            assert not target.exists(), f"{path[1]} exists. Write “the whole of `{path[1]}`:”."
            self.write(path[1], block.text)
        elif path := WHOLE.search(announced):
            assert (self.folder / path[1]).exists(), f"{path[1]} does not exist."
            self.write(path[1], block.text)
        elif path := END.search(announced):
            self.write(path[1], f"{(self.folder / path[1]).read_text('utf-8')}\n{block.text}")
        elif block.language == "shell":
            self._printed = "".join(map(self.run, _commands(block.text)))
        elif block.language == "text":
            assert self._printed is not None, "No command stands above this output."
            _compare(block.text, self._printed, whole=True)
        elif block.language == "html":
            assert self.visitor.page is not None, "No page is open."
            _compare(block.text, self._shown(self.visitor.page.html), whole=False)
        elif not block.language.startswith("{"):
            raise AssertionError(
                f"What is to be done with this {block.language}? Let the paragraph above it end "
                "with “the new file `…`:”, “the whole of `…`:” or “at the end of `…`:”."
            )

    def say(self, text: str) -> None:
        """Do what the sentences of a paragraph say, in order."""
        visitor = self.visitor
        steps: dict[str, Callable[[str], object]] = {
            "open": lambda url: visitor.open(self._real(url)),
            "log_in": lambda name: visitor.log_in(name, PASSWORD),
            "choose": lambda name: visitor.choose(self.folder / name),
            "tick": visitor.tick,
            "press": visitor.press,
            "follow": visitor.follow,
        }
        for found in SENTENCES.finditer(text):
            self._restart_stale_server()
            ((name, value),) = ((n, v) for n, v in found.groupdict().items() if v is not None)
            steps[name](value)

    def address(self, path: str) -> str:
        """The whole URL of something on the site, as it is served here."""
        return f"http://127.0.0.1:{self._ports[PORTS[0]]}{path}"

    def write(self, name: str, text: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self._real(text) + "\n", "utf-8")
        self._stale = True

    # -- a terminal ----------------------------------------------------------------------------

    def run(self, command: str) -> str:
        """Run a command in the folder; returns what it prints. A failure raises."""
        words = shlex.split(command, comments=True)
        command = self._real(command)
        if words[:1] == ["cd"]:
            self.folder = self.folder / words[1]
            return ""
        if words[:2] == ["pip", "install"]:
            _check_installed(words[2:])
            return ""
        if words[0] == "moto_server" or "runserver" in words:
            self._serve(words)
            return ""
        if "createsuperuser" in words:
            command += " --noinput --email ''"
        # What the page shows is for a shell.
        done = subprocess.run(  # noqa: S602
            command,
            shell=True,
            cwd=self.folder,
            env=self._environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, f"{command} failed ({done.returncode}):\n{done.stdout}"
        return self._shown(done.stdout)

    def _environment(self) -> dict[str, str]:
        """The modules of this process, and nothing that the machine says of Django or AWS."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "DJANGO_", "COVERAGE_"))
        }
        here = Path(sys.executable).parent
        return {
            **kept,
            "PATH": f"{here}{os.pathsep}{kept.get('PATH', '')}",
            "PYTHONPATH": python_path(),
            # Lines as they are on a terminal of this width, and in this language.
            "COLUMNS": "100",
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_COLORS": "nocolor",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "DJANGO_SUPERUSER_USERNAME": "ada",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    # -- servers -------------------------------------------------------------------------------

    def _serve(self, words: list[str]) -> None:
        """Start a server and wait until it answers."""
        if "runserver" in words:
            # Django's server reloads changed files after a while. Here, it is started again before
            # the next request, so that nobody waits.
            name, command = PORTS[0], [*words, f"127.0.0.1:{PORTS[0]}", "--noreload"]
        else:
            name, command = PORTS[1], words
        self._stop(name)
        port = self._ports[name]
        command = [port if word == name else self._real(word) for word in command]
        self._servers[name] = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(),
            stdout=self._log,
            stderr=self._log,
        )
        _wait_for(int(port), self._servers[name])
        if name == PORTS[0]:
            self._stale = False

    def _restart_stale_server(self) -> None:
        if self._stale and PORTS[0] in self._servers:
            self._serve(["python", "manage.py", "runserver"])

    def _stop(self, name: str) -> None:
        if server := self._servers.pop(name, None):
            server.send_signal(signal.SIGTERM)
            server.wait()

    def __enter__(self) -> Walker:
        return self

    def __exit__(self, *raised: object) -> None:
        """End all servers."""
        for name in list(self._servers):
            self._stop(name)
        self._log.close()

    def _said(self) -> str:
        """The last that the servers have printed."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-1500:]

    def _real(self, text: str) -> str:
        for named, used in self._ports.items():
            text = re.sub(rf"\b(127\.0\.0\.1|localhost):{named}\b", rf"\1:{used}", text)
        return text

    def _shown(self, text: str) -> str:
        for named, used in self._ports.items():
            text = re.sub(rf"\b(127\.0\.0\.1|localhost):{used}\b", rf"\1:{named}", text)
        return text


def _commands(text: str) -> list[str]:
    """The commands of a shell block: one a line, unless a line ends with a backslash."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _check_installed(words: list[str]) -> None:
    """A package that the page installs is there. This project's folder stands for the project."""
    for word in words:
        if not word.startswith("-"):
            folder, bracket, extra = word.partition("[")
            name = Path(folder).name if "/" in folder else folder
            try:
                distribution(Requirement(name + bracket + extra).name)
            except PackageNotFoundError:
                raise AssertionError(
                    f"{name} is not installed here. Add it to a group of pyproject.toml."
                ) from None


def _compare(expected: str, printed: str, *, whole: bool) -> None:
    """Compare with what is on the page, where … stands for anything."""
    lines = [line.strip() for line in expected.strip().splitlines()]
    patterns = [
        r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in lines
    ]
    pattern = "".join(patterns)
    text = "".join(f"{line.strip()}\n" for line in printed.splitlines() if line.strip())
    found = re.fullmatch(pattern, text) if whole else re.search(pattern, text)
    assert found, f"The page says\n\n{expected}\n\nbut there is\n\n{printed}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, "The server has ended."
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"The server does not answer within {PATIENCE} s.")
