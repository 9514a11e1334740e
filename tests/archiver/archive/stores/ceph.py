"""Ceph's object gateway over a real store: one monitor, one OSD, and gateways that hold no state.

Everything lives in one folder and listens on loopback only, without a service manager. Debian has it:
`apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common`.
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.archiver.archive.stores.processes import Process, free_port, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCESS_KEY, SECRET_KEY = "test", "very-secret"
_COMMANDS = ("radosgw", "radosgw-admin", "ceph", "ceph-authtool", "ceph-mon", "ceph-osd")
#: The gateways insist on a secure way to the monitor, which hangs where nobody signs in.
_MODE = "crc secure"

_CONF = """\
[global]
fsid = {fsid}
mon host = {monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/log/$name.log
pid file = {folder}/run/$name.pid
keyring = {folder}/keyring
crash dir = {folder}/crash
[mon]
mon data = {folder}/mon
mon data avail crit = 1
[osd]
osd data = {folder}/osd
osd objectstore = {backend}
bluestore block size = 8589934592
bluestore block create = true
osd memory target = 1073741824
osd max object name len = 256
osd max object namespace len = 64
[client]
ms mon client mode = {mode}
"""
_GATEWAY = """\
[client.rgw.{name}]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
"""


def missing() -> str:
    """Why there is no such server here, or nothing."""
    if all(map(shutil.which, _COMMANDS)):
        return ""
    return "radosgw is not installed: apt-get install radosgw ceph-mon ceph-osd ceph-common"


class Ceph:
    """A store and its gateways; `durable` ones have kept everything when they are begun again."""

    def __init__(self, folder: Path, *, gateways: int = 2, durable: bool = False) -> None:
        self._folder = folder
        self._conf = folder / "ceph.conf"
        ports = [free_port() for _ in range(gateways)]
        self.urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
        self._monitor = f"[v2:127.0.0.1:{free_port()},v1:127.0.0.1:{free_port()}]"
        names = "abcdefgh"[:gateways]
        self._make_conf(dict(zip(names, ports, strict=True)), durable=durable)
        self._daemons = {
            name: Process(name, [*self._with_conf(command), "-f", *arguments], folder)
            for name, command, arguments in (
                ("mon", "ceph-mon", ["-i", "a"]),
                ("osd", "ceph-osd", ["-i", "0"]),
                *((f"rgw-{name}", "radosgw", ["-n", f"client.rgw.{name}"]) for name in names),
            )
        }

    def _with_conf(self, command: str) -> list[str]:
        return [command, "-c", str(self._conf)]

    def _make_conf(self, gateways: dict[str, int], *, durable: bool) -> None:
        for name in ("run", "log", "crash", "mon", "osd", "rgw"):
            (self._folder / name).mkdir()
        parts = [
            _CONF.format(
                fsid=uuid.uuid4(),
                monitor=self._monitor,
                folder=self._folder,
                backend="bluestore" if durable else "memstore",
                mode=_MODE,
            ),
            *(
                _GATEWAY.format(name=name, port=port, folder=self._folder)
                for name, port in gateways.items()
            ),
        ]
        self._conf.write_text("".join(parts))

    def make(self) -> None:
        """Lay the monitor and the store down, begin both, and let a user in."""
        keyring, osd = str(self._folder / "keyring"), str(uuid.uuid4())
        self._run(
            "ceph-authtool",
            *("--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"),
        )
        map_ = str(self._folder / "monmap")
        fsid = self._conf.read_text().split("fsid = ")[1].split("\n")[0]
        run(
            ["monmaptool", "--create", "--fsid", fsid, "--addv", "a", self._monitor, map_],
            self._folder,
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_, "--keyring", keyring)
        self._daemons["mon"].start()
        self._run("ceph", "osd", "new", osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._daemons["osd"].start()
        self._run(
            *("radosgw-admin", "user", "create", "--uid=tests", "--display-name=tests"),
            *(f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"),
        )
        self._start_gateways()

    def _run(self, command: str, *arguments: str) -> None:
        run([*self._with_conf(command), *arguments], self._folder)

    def _start_gateways(self) -> None:
        gateways = [each for name, each in self._daemons.items() if name.startswith("rgw")]
        for gateway, url in zip(gateways, self.urls, strict=True):
            gateway.start()
            gateway.await_answer(url)

    def start(self) -> None:
        """Begin again, after `kill`, with what was stored."""
        self._daemons["mon"].start()
        self._daemons["osd"].start()
        self._start_gateways()

    def kill(self) -> None:
        """SIGKILL to the gateways, the store and the monitor at once."""
        for daemon in self._daemons.values():
            daemon.kill()

    def stop(self) -> None:
        """End everything, gateways first."""
        for daemon in reversed(self._daemons.values()):
            daemon.stop()


@contextmanager
def running(folder: Path, *, gateways: int = 2, durable: bool = False) -> Iterator[Ceph]:
    """A store and its gateways, from nothing."""
    ceph = Ceph(folder, gateways=gateways, durable=durable)
    try:
        ceph.make()
        yield ceph
    finally:
        ceph.stop()
