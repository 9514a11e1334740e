"""The archive: captures every artifact of every RealtimeKit session before its deadline, and keeps it.

What must hold after any crash, at any moment, for any order of events:

1.  Bytes first. What the source served is stored bit for bit, with its SHA-256, before anything tries
    to understand it.
2.  Payload, then the record that names it: an inventory never names an object that is not there.
3.  Nothing is overwritten. Every key is written once, put-if-absent; news makes a new inventory
    version, which names the digest of the one before.
4.  The bucket is the truth: the ledger and the index can be deleted and made again from it.
5.  Every artifact ends in a recorded outcome, with time and reason; never silence.
6.  Nearest deadline first.
7.  A summary is never asked for twice blindly: the intent is recorded, put-if-absent, before the POST
    leaves, and a second one is allowed only where the first provably started nothing, or where its
    fate is unknown and patience has run out.

One direction: source ─▶ bucket ─▶ index ─▶ people. This package has never heard of search.

    cli ▶ runtime ▶ worker ▶ capture ▶ records ▶ ledger ▶ archive | realtimekit ▶ schedule ▶ model
"""
