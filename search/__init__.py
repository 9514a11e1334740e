"""Search: from what is in the bucket to the moment it was said.

* The index is a view. It holds nothing that is not in the bucket, and can be deleted at any time; an
  answer says what in its range is still pending or lost.
* Any text is a query. Words side by side rank sessions, best first; quotes, AND, OR, NOT, NEAR and
  filters narrow. Only what cannot mean anything is refused, with its position and a suggestion.
* One definition of a word (`text`) serves the index, every query and every highlight, in any script.
* Scope selects what is opened: each app has an index file of its own, so that no score, total or
  order of one app depends on another.
* What is committed is searched within seconds: the indexer follows the ledger's list of inventories.

    cli ▶ demo ▶ presentation ▶ web ▶ indexer ▶ reading ▶ index ▶ query | formats ▶ text
"""
