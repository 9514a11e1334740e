"""Search measured: through the index's public functions, beside a peer that does the same work.

queries   what is asked, drawn from the corpus
indexes   both indexes built in processes of their own, kept, and built only once
peer      tantivy: ranks sessions, finds their moments, marks them
timing    both timed by one clock, in turn
upkeep    inserts, readers beside them, cold files
"""
