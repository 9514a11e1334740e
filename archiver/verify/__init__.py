"""Whether everything in the bucket is still what its records say; reads all of it, changes nothing.

`inventories` judges a session's chain, `folders` one session's objects, `journals` the archive's own
records; `verifier` goes through the bucket with them, and can stop and go on. `rounds` does so in the
worker, a little at a time.
"""

from archiver.verify.findings import Damage, Finding, Verification, note_result, summary_lines
from archiver.verify.rounds import Rounds
from archiver.verify.verifier import Verifier, verify

__all__ = [
    "Damage",
    "Finding",
    "Rounds",
    "Verification",
    "Verifier",
    "note_result",
    "summary_lines",
    "verify",
]
