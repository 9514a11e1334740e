"""The README's policy for a worker, held against a server that enforces it."""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.session import get_session

from archiver.archive.stores.s3 import S3Store
from archiver.checks import Verdict
from tests.archiver.archive.stores.conftest import raw_client, use_server
from tests.archiver.archive.stores.trials.test_servers import asked_for, examined

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

README = (Path(__file__).parents[5] / "README.md").read_text(encoding="utf-8")


@contextmanager
def asking_who_you_are(url: str) -> Iterator[None]:
    """Moto looks at credentials and policies meanwhile."""
    _let_pass(url, 0)
    try:
        yield
    finally:
        _let_pass(url, 1_000_000_000)


def _let_pass(url: str, count: int) -> None:
    reset = urllib.request.Request(f"{url}/moto-api/reset-auth", data=str(count).encode())
    reset.add_header("Content-Type", "text/plain")
    urllib.request.urlopen(reset).close()


async def test_the_worker_policy_is_enough(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the README's policy everything can be tried, and nothing but canaries deleted."""
    bucket = f"bare-{secrets.token_hex(6)}"
    raw = raw_client(moto_url)
    raw.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    raw.close()
    match = re.search(r"<!-- worker policy -->\n```json\n(.*?)\n```", README, re.DOTALL)
    assert match is not None
    session = get_session()
    iam: Any = session.create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=moto_url,
        aws_access_key_id="test",
        aws_secret_access_key="very-secret",
    )
    iam.create_user(UserName=bucket)
    policy = json.dumps(json.loads(match[1].replace("my-bucket", bucket)))
    iam.put_user_policy(UserName=bucket, PolicyName="worker", PolicyDocument=policy)
    key = iam.create_access_key(UserName=bucket)["AccessKey"]
    iam.close()
    use_server(monkeypatch, moto_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    store = S3Store(bucket, "meetings")
    with asking_who_you_are(moto_url):
        checks = await examined(store, asked_for())
    await store.close()

    # Moto fails at what it is asked without credentials in this mode.
    assert [n for n, each in checks.items() if each.verdict == Verdict.UNKNOWN] == ["strangers"]
    for name in ("delete", "lock", "legal hold", "uploads left behind", "canaries"):
        assert checks[name].verdict == Verdict.OK, checks[name]
