"""The doctor: what the store, the account and this machine really do, held against what is claimed.

Everything that can be is tried: in the store on canaries below `_archive/canaries/`, which are
removed again, at the account with requests that start nothing. What cannot be tried is asked for. A
trial that proves nothing says so: a delete that is refused for want of permission is no lock.
"""
