"""Who may ask for what: keys, and the records in the bucket that make and revoke them.

The truth is the chain below `_archive/access/`; `keyring` follows it, and no local file adds to it.
"""

from archiver.access.keyring import KeyRing, read_keys
from archiver.access.keys import ApiKey, Keys, new_secret
from archiver.access.making import create_key, revoke_key
from archiver.access.reader import LOCAL, Reader, Role, os_user

__all__ = [
    "LOCAL",
    "ApiKey",
    "KeyRing",
    "Keys",
    "Reader",
    "Role",
    "create_key",
    "new_secret",
    "os_user",
    "read_keys",
    "revoke_key",
]
