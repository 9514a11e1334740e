"""Sessions taken out of an index: `python -m tests.search.index.erasing FOLDER [standard]`.

With `standard` the interpreter's own SQLite does it, else the newest that is installed. It prints the
version, and what is left of what should be gone, a line each.
"""

from __future__ import annotations

import sys
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__" and sys.argv[2:] == ["standard"]:
    sys.modules["pysqlite3"] = sys.modules["pysqlite3.dbapi2"] = None  # type: ignore[assignment]

from migrations.sqlite import VERSION
from search.index.appfile import AppFile
from tests.search.corpus import NOWHERE, Made, document, person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index.seam import Document

FEW = 150
#: With so many SQLite moves rows from page to page, and leaves what it moved behind.
MANY = 2500
WORDS = [f"filler{number}" for number in range(400)]
#: How a session may be kept when it is taken out.
WAYS = ("loaded", "folded", "again", "waiting")


def filler(number: int) -> Document:
    """An ordinary session."""
    text = [
        " ".join(WORDS[(number * 7 + line * 11 + each) % 400] for each in range(8))
        for line in range(12)
    ]
    return document(f"filler-{number}", [(f"Somebody {number % 9}", each) for each in text])


def secret(way: str) -> Document:
    """A session all of whose words are its own."""
    who = person(
        f"Zebulon{way} Quuxley{way}",
        f"userid-{way}-00",
        peer_id=f"peerid-{way}",
        custom_id=f"{way}@ids.test",
    )
    said = [f"xylophonic{way}{each} vuvuzela{way}{each}" for each in range(40)]
    return document(
        f"secret-{way}",
        [(who.name, each) for each in said],
        [(who.name, f"bassoon{way} typed")],
        f"clavichord{way} summed up",
        title=f"Harpsichord{way} meeting",
        meeting_id=f"meetingid-{way}",
        participants=[who],
    )


def telltales(way: str) -> list[str]:
    """Pieces of it that stand nowhere else."""
    stems = ("xylophonic", "vuvuzela", "bassoon", "clavichord", "arpsichord", "uuxley", "ebulon")
    ids = (f"userid-{way}-00", f"peerid-{way}", f"{way}@ids", f"meetingid-{way}", f"secret-{way}")
    return [*(f"{each}{way}" for each in stems), *ids]


def left(folder: Path, way: str, pieces: list[bytes]) -> Iterator[str]:
    """What any file of this folder still holds of it."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        data = path.read_bytes()
        yield from (
            f"{way}: {each} in {path.name}" for each in telltales(way) if each.encode() in data
        )
        if any(each in data for each in pieces):
            yield f"{way}: compressed text in {path.name}"


def fill(file: AppFile, fillers: int = FEW) -> None:
    """An index that holds one of them in every way, among others."""
    file.loading()
    file.put([*map(filler, range(fillers // 2)), secret("loaded")], NOWHERE)
    file.optimize()
    file.put([secret("folded"), secret("again")], NOWHERE)
    file.fold()
    file.put([*map(filler, range(fillers // 2, fillers)), secret("again")], NOWHERE)
    file.fold()
    file.put([secret("waiting"), filler(fillers)], NOWHERE)


def pieces_of(file: AppFile) -> dict[str, list[bytes]]:
    """Of the compressed text of each of them, pieces that stand nowhere else."""
    rows = file._db.execute(
        "select session_id, text from session join body on body.id = session.id"
    )
    blobs = dict(rows.fetchall())
    everything = b"".join(blobs.values())
    found = {}
    for way in WAYS:
        blob = blobs[f"secret-{way}"]
        cuts = [blob[at : at + 16] for at in range(0, len(blob) - 16, 16)]
        found[way] = [each for each in cuts if everything.count(each) == 1]
        assert found[way]
    return found


def main(folder: Path) -> None:
    made = Made.of(folder)
    found: list[str] = []
    with closing(AppFile.open(made.path())) as file:
        fill(file, MANY)
        pieces = pieces_of(file)
        # All of it is in the file at first, or this would prove nothing.
        file._db.execute("pragma wal_checkpoint(truncate)")
        before = set(chain.from_iterable(left(folder, way, pieces[way]) for way in WAYS))
        assert len(before) >= len(WAYS) * (len(telltales("")) + 1), sorted(before)
        assert file.remove("secret-loaded")
        file.put([], NOWHERE, gone=["secret-again", "secret-waiting"])
        file.put([document("secret-folded", [("Ana", "redacted")], version=2)], NOWHERE)
        assert file.is_unpurged
        file.optimize()
        assert not file.is_unpurged
        for way in WAYS:
            found += left(folder, way, pieces[way])
    found = [each for each in found if "secret-folded" not in each]  # the session itself stays
    made.close()
    sys.stdout.write("\n".join([VERSION, *found]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
