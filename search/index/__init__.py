"""The index: one SQLite file per app, which can be deleted at any time and made again from the bucket.

`seam` says what the rest of the program may ask of an index and stands for any design behind it.
`appfile` writes one app's file, `readers` opens it to read, `matching` decides which sessions match and
in what order, `moments` finds the places inside them, `facets` counts what they have in common,
`library` merges the apps' answers, `generations` swaps a rebuilt index in.
"""
