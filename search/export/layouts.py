"""Where the files of an export lie, in each of its formats, and what a format adds of its own; pure.

Each layout is a way to name files, and the few that make it a bag or a storage root. The manifest of
digests, the completion record and what is exported are the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from archiver.model import format_time
from search.export import ocfl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from search.export.model import Asked, Copied, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What is known once everything else is written."""

    archive_id: str
    account: str
    release: str
    asked: Asked
    own: Mapping[str, Written]  #: the export's own files and the archive's records, by name
    payload: tuple[int, ...]  #: bytes and files that the manifest lists


class Layout:
    """Plain folders: `archive/` is laid out as the bucket, `readable/` beside it."""

    name: ClassVar[str] = "files"
    sha512: ClassVar[bool] = False  #: whether this digest is wanted of every file
    versioned: ClassVar[bool] = False  #: whether every version of a chain is to be read
    originals: ClassVar[bool] = True  #: whether the artifacts themselves are copied
    pages: ClassVar[bool] = True  #: whether each session is rendered for people
    lines: ClassVar[bool] = False  #: whether all that was said goes into one file of lines

    def __init__(self, archive_id: str) -> None:
        self.archive_id = archive_id

    def copy_path(self, folder: str, name: str, version: int) -> str:  # noqa: ARG002 — OCFL's need
        """Where an object of a session goes; `version` is that of the inventory first to name it."""
        return self.own_path(f"archive/{folder}{name}")

    def page_path(self, folder: str, name: str, head: int) -> str:  # noqa: ARG002 — as above
        """Where a page of a session goes."""
        return self.own_path(f"readable/{folder}{name}")

    def record_path(self, key: str) -> str:
        """Where a record of the archive itself goes."""
        return self.own_path(f"archive/{key}")

    def own_path(self, name: str) -> str:
        """Where one of the export's own files goes."""
        return name

    def session_files(
        self,
        copied: Copied,  # noqa: ARG002 — OCFL's need
        pages: Sequence[Written],  # noqa: ARG002 — as above
    ) -> Iterator[tuple[str, bytes]]:
        """What a session needs beside its objects and pages."""
        yield from ()

    def closing_files(self, closing: Closing) -> Iterator[tuple[str, bytes]]:  # noqa: ARG002
        """What the whole needs beside its sessions."""
        yield from ()

    def in_manifest(self, path: str) -> str:
        """How the manifest of digests writes a path; "" where another one lists it."""
        return path


class Lines(Layout):
    """What was said as lines of JSON, with the inventories and seals whose digests they name."""

    name = "jsonl"
    originals = False
    pages = False
    lines = True


class Bag(Layout):
    """A BagIt 1.0 bag (RFC 8493), whose payload is laid out as the plain folders are."""

    name = "bagit"

    def own_path(self, name: str) -> str:
        # A manifest writes "%" as "%25" (RFC 8493, 2.1.3), which bagit.py does not read back; an
        # encoded id never holds "=", so this spelling is as exact and needs no escape.
        return f"data/{name}".replace("%", "=")

    def in_manifest(self, path: str) -> str:
        return path if path.startswith("data/") else ""

    def closing_files(self, closing: Closing) -> Iterator[tuple[str, bytes]]:
        yield "bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
        size_bytes, files = closing.payload
        facts = {
            "Source-Organization": f"Cloudflare account {closing.account}",
            "Contact-Name": closing.asked.requested_by or closing.asked.user,
            "External-Description": closing.asked.reason,
            "External-Identifier": closing.archive_id,
            "Bagging-Date": format_time(closing.asked.at)[:10],
            "Payload-Oxum": f"{size_bytes}.{files}",
            "Bag-Software-Agent": f"realtimekit-archive {closing.release}",
        }
        info = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in facts.items())
        yield "bag-info.txt", info.encode()


class Ocfl(Layout):
    """An OCFL 1.1 storage root: an object for each session, and one for the export itself."""

    name = "ocfl"
    sha512 = True
    versioned = True

    def __init__(self, archive_id: str) -> None:
        super().__init__(archive_id)
        self._address = ocfl.archive_urn(archive_id)

    def copy_path(self, folder: str, name: str, version: int) -> str:
        return f"{self._root(folder)}/v{version}/content/{name}"

    def page_path(self, folder: str, name: str, head: int) -> str:
        return f"{self._root(folder)}/v{head}/content/readable/{name}"

    def own_path(self, name: str) -> str:
        return f"{self._root('export')}/v1/content/{name}"

    def _root(self, name: str) -> str:
        return ocfl.storage_path(ocfl.object_id(self.archive_id, name))

    def session_files(
        self, copied: Copied, pages: Sequence[Written]
    ) -> Iterator[tuple[str, bytes]]:
        identifier = ocfl.object_id(self.archive_id, copied.folder)
        versions = ocfl.session_versions(copied, pages, self._address)
        yield from ocfl.object_files(self._root(copied.folder), identifier, versions)

    def closing_files(self, closing: Closing) -> Iterator[tuple[str, bytes]]:
        version = ocfl.Version(
            created=format_time(closing.asked.at),
            message=closing.asked.reason,
            user=closing.asked.requested_by or closing.asked.user,
            address=self._address,
            state=closing.own,
        )
        identifier = ocfl.object_id(self.archive_id, "export")
        yield from ocfl.object_files(self._root("export"), identifier, [version])
        yield from ocfl.root_files()


LAYOUTS: dict[str, type[Layout]] = {each.name: each for each in (Bag, Ocfl, Layout, Lines)}
