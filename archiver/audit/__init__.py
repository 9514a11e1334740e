"""The record of reads: who searched what, and which sessions were opened.

A process writes a *trail*, a file of chained lines in the data folder, each line before the answer
leaves (`trail`). Every quarter of an hour what is new goes into the bucket, as write-once records of
the chain below `_archive/audit/`, which the archive's seals name (`sealing`). What was edited, dropped,
reordered or cut off shows (`checking`).

The one place besides the artifacts that holds what people typed: it is never logged.
"""

from archiver.audit.checking import Damage, Finding, check_audit
from archiver.audit.reading import Reads, Spot, Wanted
from archiver.audit.sealing import Keeper, TrailSealer
from archiver.audit.trail import Trail, open_trail

__all__ = [
    "Damage",
    "Finding",
    "Keeper",
    "Reads",
    "Spot",
    "Trail",
    "TrailSealer",
    "Wanted",
    "check_audit",
    "open_trail",
]
