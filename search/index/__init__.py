"""The index: one SQLite file per app, which can be deleted at any time and made again from the bucket.

`seam` says what the rest of the program may ask of an index and stands for any design behind it. This
one lets FTS5 decide what phrases and words near each other match, postings of its own decide the
order, and a small inverted index of each session find the places in it.

    writing   appfile ─▶ people · analysis · records · forward ─▶ tail ─▶ folding ─▶ postings
    reading   library ─▶ searching ─▶ planning · filters · matching ─▶ terms · view ─▶ postings · tail
                             └─▶ moments · facets · suggestions ─▶ lines ─▶ records · forward

A session that comes in is written whole, in one transaction; its postings wait in `tail` until those
of 256 sessions are folded into `post` and `pair` together. Readers add what waits to what is folded, in
a `view` that follows the file from state to state. `generations` swaps a rebuilt index in.
"""
