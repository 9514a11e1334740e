"""The real worker, ledger, capture, archive and indexer, against a source and a bucket that fail, in virtual time.

    loop       an event loop whose time jumps to whatever is next
    network    HTTP between the real client and the real server, without a socket
    bucket     a store in memory that keeps its rules and fails on script
    process    a worker that can be killed between any two of its steps, and started again
    scenario   what a seed draws: sessions, faults, webhooks, kills, clock jumps
    world      one run of a scenario
    invariants what must hold afterwards, whatever was drawn

`python -m tests.simulation --seeds 2000` runs as many as asked for, on all cores.
"""
