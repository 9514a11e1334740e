"""Whether a file says nothing at all: the one test behind the outcome `empty`; pure."""

from __future__ import annotations

HEAD_BYTES = 4096

#: First lines that are there whether or not anything was said: reference, sections 6.1 and 6.2.
_HEADERS = (
    "id,participantid,sessionid,meetingid,displayname,pinned,isedited,payloadtype,payload,createdat",
    "timestamp,participantid,userid,customparticipantid,participantname,transcript",
)


def is_empty(head: bytes, size_bytes: int) -> bool:
    """Whether a file of this size with this beginning (4 KiB or all of it) holds nothing.

    Only a byte order mark or white space, `[]`, `WEBVTT`, or one known header line count; anything
    else is kept as content.
    """
    if size_bytes > min(len(head), HEAD_BYTES):
        return False
    text = head.decode("utf-8-sig", errors="replace").strip()
    if not text or text == "WEBVTT" or "".join(text.split()) == "[]":
        return True
    line = "".join(text.split()).replace('"', "").lower()
    return line in _HEADERS and len(text.splitlines()) == 1
