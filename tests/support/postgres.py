"""A PostgreSQL server for one test run: no service, no configuration, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PORT = "AVATAR_KIT_TEST_PG_PORT"


def port() -> int:
    """The port of this run. In the environment, so that worker processes have the same."""
    if PORT not in os.environ:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            os.environ[PORT] = str(probe.getsockname()[1])
    return int(os.environ[PORT])


def binaries() -> Path | None:
    """Where initdb is: on the PATH, or where Debian hides it."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


class Server:
    """Started in a temporary folder; as the ``postgres`` user where pytest runs as root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = Path(tempfile.mkdtemp(prefix="avatar-kit-pg-"))
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(self.root, "postgres", "postgres")

    def start(self) -> None:
        data = self.root / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.process = subprocess.Popen(
            [
                self.folder / "postgres",
                *("-D", data, "-k", self.root, "-h", "127.0.0.1", "-p", str(port())),
                # Nothing here is worth a disk write.
                *("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=50"),
            ],
            cwd=self.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.user,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port())) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start within 30 s.")

    def stop(self) -> None:
        # The fast way to stop: does not wait for clients.
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        shutil.rmtree(self.root, ignore_errors=True)

    def _run(self, program: str, *arguments: Any) -> None:
        subprocess.run(
            [self.folder / program, *arguments],
            cwd=self.root,
            check=True,
            capture_output=True,
            **self.user,
        )
