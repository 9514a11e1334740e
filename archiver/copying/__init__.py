"""Moving house: an archive copied to another store, repaired from one, or compared with it.

`walk` lists two stores side by side, `transfer` brings one object over and `sessions` a folder of
them; `journals` are the archive's own records. `copying` orders it all, `position` spares the next
copy most of the reads, `repairing` goes the other way, and `results` says what came of it.
"""

from __future__ import annotations

from archiver.copying.comparing import Difference, compare
from archiver.copying.copying import Copying
from archiver.copying.repairing import Repairing
from archiver.copying.results import Copied, Problem, Trouble

__all__ = ["Copied", "Copying", "Difference", "Problem", "Repairing", "Trouble", "compare"]
