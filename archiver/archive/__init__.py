"""The bucket: what is stored under which key, and the order in which it is written.

`keys` and `inventory` are pure: names, and the records they lead to. `stores` moves bytes under a key
and knows nothing of sessions. `archive` gives the keys their meaning: payload before record, every key
once, and a refused put that finds its own bytes is as good as done.
"""
