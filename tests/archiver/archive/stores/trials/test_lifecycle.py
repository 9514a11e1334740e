"""Which lifecycle rules touch an archive, and what they do to it."""

from __future__ import annotations

from typing import Any

import pytest

from archiver.archive.stores.trials.lifecycle import Effects, effects

EXPIRES = {"Expiration": {"Days": 30}}
ABORTS = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def of(*rules: dict[str, Any]) -> Effects:
    """What these rules do to an archive below `meetings/`."""
    whole = [{"ID": "one", "Status": "Enabled", **rule} for rule in rules]
    return effects(whole, "meetings/", "meetings/_archive/canaries/")


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"Prefix": ""},
        {"Prefix": "meet"},
        {"Filter": {"Prefix": "meetings/"}},
        {"Filter": {"Prefix": "meetings/app/2026/"}},
        {"Filter": {"And": {"Prefix": "meetings/", "ObjectSizeGreaterThan": 5}}},
        {"Filter": {"ObjectSizeGreaterThan": 5}},
    ],
)
def test_rules_that_touch_it(where: dict[str, Any]) -> None:
    """Above the archive, at it or below it."""
    assert of({**EXPIRES, **where}).expiring == ("one",)


@pytest.mark.parametrize(
    "where",
    [
        {"Prefix": "other/"},
        {"Filter": {"Prefix": "meetings2/"}},
        {"Filter": {"Tag": {"Key": "a", "Value": "b"}}},
        {"Filter": {"And": {"Prefix": "", "Tags": [{"Key": "a", "Value": "b"}]}}},
        {"Filter": {"Prefix": "meetings/_archive/canaries/"}},
        {"Status": "Disabled"},
    ],
)
def test_rules_that_do_not(where: dict[str, Any]) -> None:
    """Beside it, for tagged objects, for canaries alone, or switched off."""
    assert of({**EXPIRES, **where}) == Effects()


def test_each_effect() -> None:
    """Markers that expire harm nobody; a rule for a part of the archive does not clear all of it."""
    assert of({"Expiration": {"ExpiredObjectDeleteMarker": True}}) == Effects()
    assert of({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}).noncurrent == ("one",)
    assert of({"Transitions": [{"Days": 1, "StorageClass": "DEEP_ARCHIVE"}]}).cold == ("one",)
    assert of({"Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}]}) == Effects()
    assert of(ABORTS).aborting == ("one",)
    assert of({**ABORTS, "Prefix": "meetings/app/"}).aborting == ()
