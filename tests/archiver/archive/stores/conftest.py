"""The stores under test, each in every kind of bucket that every server here can give."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.stores.directory import DirectoryStore
from archiver.archive.stores.s3 import S3Store
from archiver.archive.stores.s3_bucket import S3Options
from archiver.model import UNLOCKED, Lock
from tests.archiver.archive.stores.gaps import GAPS
from tests.archiver.archive.stores.here import SERVERS, needs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.archive.stores import Store, Stored
    from tests.archiver.archive.stores.here import Running

MIB = 1024 * 1024
#: Small enough to page and to send in parts without much ado; S3 wants parts of 5 MiB.
OPTIONS = S3Options(
    attempts=2, multipart_bytes=5 * MIB, part_bytes=5 * MIB, page_size=7, read_timeout_s=20
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A server and a kind of bucket."""

    server: str
    versioned: bool = False
    locked: bool = False

    def __str__(self) -> str:
        kind = "locked" if self.locked else "versioned" if self.versioned else "plain"
        return self.server if self.server == "directory" else f"{self.server}-{kind}"


KINDS = ((False, False), (True, False), (True, True))
S3_VARIANTS = [
    Variant(server=server, versioned=versioned, locked=locked)
    for server in SERVERS
    for versioned, locked in KINDS
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A probed store, and a corner of it that belongs to one test."""

    variant: Variant
    store: Store
    bucket: str = ""
    raw: Any = None  #: botocore's own client, to do what the store never would
    corner: str = field(default_factory=lambda: secrets.token_hex(6))

    def key(self, name: str) -> str:
        """A key in this corner."""
        return f"{self.corner}/{name}"

    def raw_key(self, name: str) -> dict[str, str]:
        """The same key as the server knows it."""
        return {"Bucket": self.bucket, "Key": f"some/prefix/{self.key(name)}"}

    def has_gap(self, gap: str) -> bool:
        """Whether this server is known not to do this."""
        return gap in GAPS[self.variant.server]

    def may_have(self, gap: str, in_versions: str = "") -> bool:
        """Whether this may be missing, by chance.

        In a versioned bucket the oldest version decides, so there it takes a second gap: `in_versions`.
        """
        return self.has_gap(gap) and (not self.variant.versioned or self.has_gap(in_versions))

    async def put(
        self,
        name: str,
        body: bytes | Path,
        *,
        content: bytes | None = None,
        lock: Lock = UNLOCKED,
    ) -> Stored:
        """Put with the digest of the body, or of what the content is said to be."""
        data = body if isinstance(body, bytes) else await asyncio.to_thread(body.read_bytes)
        return await self.store.put(
            self.key(name),
            body,
            digest=sha256(data if content is None else content).hexdigest(),
            size_bytes=len(data),
            media_type="text/plain",
            lock=lock,
        )

    async def keys(self, prefix: str = "", start_after: str = "") -> list[str]:
        """The keys listed in this corner, relative to it."""
        after = self.key(start_after) if start_after else ""
        found = self.store.list(self.key(prefix), start_after=after)
        return [info.key.removeprefix(f"{self.corner}/") async for info in found]


@pytest.fixture(scope="session")
def moto_url(s3_servers: Running) -> str:
    """Where moto answers."""
    return s3_servers.urls("moto")[0]


@pytest.fixture(scope="session")
def ministack_url(s3_servers: Running) -> str:
    """Where ministack answers, if it is here."""
    if why := SERVERS["ministack"].missing():
        pytest.skip(why)
    return s3_servers.urls("ministack")[0]


def use_server(patch: pytest.MonkeyPatch, url: str) -> None:
    """Point the standard environment at a server, and at nobody's files."""
    patch.setenv("AWS_ENDPOINT_URL", url)
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    patch.setenv("AWS_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


def make_bucket(raw: Any, variant: Variant) -> str:
    """A new bucket of this kind."""
    name = f"bucket-{secrets.token_hex(6)}"
    raw.create_bucket(Bucket=name, ObjectLockEnabledForBucket=variant.locked)
    if variant.versioned and not variant.locked:
        raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if variant.locked:
        raw.put_object_lock_configuration(
            Bucket=name,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
            },
        )
    return name


def raw_client(url: str) -> Any:
    """botocore's client: what an operator's other tools are."""
    from botocore.session import get_session

    return get_session().create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="very-secret",
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(variant, id=str(variant), marks=needs(variant.server))
        for variant in (Variant(server="directory"), *S3_VARIANTS)
    ],
)
async def probed(
    request: pytest.FixtureRequest,
    s3_servers: Running,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Place]:
    """One store of each kind for a whole module, probed as a worker would."""
    variant: Variant = request.param
    if variant.server == "directory":
        store = DirectoryStore(tmp_path_factory.mktemp("archive"))
        await store.probe()
        yield Place(variant=variant, store=store)
        await store.close()
        return
    url = s3_servers.urls(variant.server)[0]
    raw = raw_client(url)
    bucket = make_bucket(raw, variant)
    remote = S3Store(bucket, "some/prefix", options=OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        use_server(patch, url)
        await remote.probe()
    yield Place(variant=variant, store=remote, bucket=bucket, raw=raw)
    await remote.close()
    raw.close()


@pytest.fixture
def place(probed: Place) -> Place:
    """A corner of the store for this test alone."""
    return Place(variant=probed.variant, store=probed.store, bucket=probed.bucket, raw=probed.raw)
