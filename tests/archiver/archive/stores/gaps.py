"""What each server silently does not do; a test fails when one of them begins to."""

from __future__ import annotations

#: By server. What the names mean is said where the tests ask for them.
GAPS: dict[str, set[str]] = {
    "directory": set(),
    "moto": {
        "wrong checksum refused",  # stores it
        "parts locked by default",
        "versions after a key that is not there",
        "one winner of a race in parts",  # it looks, and then completes, without a lock
    },
    "ministack": {"parts locked by default"},
    "localstack": {
        "one winner of a race in parts",  # as moto
        "the first completed is the oldest",  # an upload in parts is as old as its beginning
    },
    "radosgw": {
        "wrong checksum refused",  # it does not look at the header
        "put-if-absent in a versioned bucket",  # makes one more version
        "put on top of a delete marker",  # so the store asks before it puts
        "one winner of a race in parts",  # completes as if nothing had been asked
    },
    "versitygw": {
        "one winner of a race",  # it looks, and then renames, without a lock: one in hundreds has two
        "put on top of a delete marker",  # refuses it: safer than S3 itself
        "a marker is as late as it is",  # rounds a version's time up to the second, not a marker's
        "one winner of a race in parts",  # as moto
        "default lock told of",  # refuses to delete, and does not say why
        "parts locked by default",  # likewise
        "lock told of on reading",  # GET has no such headers, HEAD does
    },
}
