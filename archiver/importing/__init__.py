"""Files that somebody downloaded, as archived sessions that say where they came from.

`layout` and `manifest` tell which file is what, `folder` reads them and follows no link, `importing`
stores the bytes and writes the inventories.
"""

from __future__ import annotations

from archiver.importing.folder import Folder
from archiver.importing.importing import Imported, Importing
from archiver.importing.layout import Puzzle

__all__ = ["Folder", "Imported", "Importing", "Puzzle"]
