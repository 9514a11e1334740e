"""Exports others can check: a selection of the archive, copied with all that vouches for it.

    command ─▶ selection     which sessions, and what was not covered
       │
       ├─────▶ exporting     session by session: copied, read, rendered, recorded
       │          ├─▶ copying, seals     byte for byte, digests taken on the way
       │          ├─▶ layouts            where a file lies: files, bagit, ocfl, jsonl; pure
       │          └─▶ page, lines, manifest    what people and programs read; pure
       │
       └─────▶ checking      an export against its own records

An export is written into a folder of its own and never continued. `export-complete.json` is written
last, once everything else is on the disk: an export without it was cut.
"""
