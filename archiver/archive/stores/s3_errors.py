"""What an S3 server's refusals and a broken connection mean for the store: one table, no secrets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

# aiobotocore lets errors of the HTTP client below it through while a body is read.
from aiohttp import ClientError as HttpError
from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from archiver.archive.stores.store import WrongDigestError
from archiver.errors import (
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Everything that a call of the client, or reading a body, may raise.
#: botocore follows a redirect that names no region in circles, until Python stops it.
FAILURES = (ClientError, BotoCoreError, HttpError, TimeoutError, RecursionError)

_CREDENTIALS = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile, or the role"
_POLICY = "allow s3:GetObject, s3:PutObject, s3:ListBucket and s3:ListBucketVersions on it"
_BUCKET = "create the bucket, or correct RTK_ARCHIVE_STORE"
_REGION = "set AWS_REGION to the bucket's region"
_ENDPOINT = "check AWS_ENDPOINT_URL and the network"

_Meaning = tuple[type[StoreError], str, str]

_MISSING: _Meaning = (ObjectMissingError, "there is no such object", "")
_DENIED: _Meaning = (StoreDeniedError, "access denied", _POLICY)
_UNKNOWN: _Meaning = (StoreDeniedError, "the credentials are not accepted", _CREDENTIALS)
_EXPIRED: _Meaning = (StoreDeniedError, "the credentials have expired", _CREDENTIALS)
_BUSY: _Meaning = (StoreUnavailableError, "the server asks to be left alone for a while", "")
_FAILED: _Meaning = (StoreUnavailableError, "the server failed", "")
_CUT: _Meaning = (StoreUnavailableError, "the request did not arrive whole", "")
_FULL: _Meaning = (StoreFullError, "no space is left", "free some space, or raise the quota")
_CHANGED: _Meaning = (WrongDigestError, "the bytes are not what their digest says", "")
_ELSEWHERE: _Meaning = (StoreError, "the bucket is in another region", _REGION)
_LARGE: _Meaning = (StoreError, "the server does not take an object of this size", "")

_CODES: dict[str, _Meaning] = {
    "NoSuchBucket": (StoreError, "there is no such bucket", _BUCKET),
    "InvalidBucketName": (StoreError, "this cannot be the name of a bucket", _BUCKET),
    "NoSuchKey": _MISSING,
    "NoSuchVersion": _MISSING,
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "NotEntitled": _DENIED,
    "ObjectLockedByBucketPolicy": (StoreDeniedError, "a bucket lock holds the object", ""),
    "InvalidAccessKeyId": _UNKNOWN,
    "SignatureDoesNotMatch": _UNKNOWN,
    "InvalidToken": _UNKNOWN,
    "InvalidSecurity": _UNKNOWN,
    "NotSignedUp": _UNKNOWN,
    "Unauthorized": _UNKNOWN,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestTimeTooSkewed": (StoreDeniedError, "this machine's clock is wrong", "set its clock"),
    "RequestExpired": (StoreDeniedError, "this machine's clock is wrong", "set its clock"),
    "PermanentRedirect": _ELSEWHERE,
    "TemporaryRedirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "SlowDown": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "BandwidthLimitExceeded": _BUSY,
    "TooManyRequests": _BUSY,
    "OperationAborted": _BUSY,
    "ConditionalRequestConflict": _BUSY,
    "InternalError": _FAILED,
    "ServiceUnavailable": _FAILED,
    "RequestTimeout": _CUT,
    "IncompleteBody": _CUT,
    "ClientDisconnect": _CUT,
    "NoSuchUpload": (StoreUnavailableError, "the upload is gone", ""),
    "QuotaExceeded": _FULL,
    "InsufficientStorage": _FULL,
    "XMinioStorageFull": _FULL,
    "BadDigest": _CHANGED,
    "InvalidDigest": _CHANGED,
    "XAmzContentSHA256Mismatch": _CHANGED,
    "XAmzContentChecksumMismatch": _CHANGED,
    "EntityTooLarge": _LARGE,
    "MaxMessageLengthExceeded": _LARGE,
}

#: For answers without a body, such as HEAD's, and for codes of a server's own.
_STATUSES: dict[int, _Meaning] = {
    301: _ELSEWHERE,
    307: _ELSEWHERE,
    401: _UNKNOWN,
    403: _DENIED,
    404: _MISSING,
    408: _CUT,
    413: _LARGE,
    429: _BUSY,
    507: _FULL,
}

#: The first that fits decides; whatever else botocore raises is a mistake of the settings.
_FAULTS: tuple[tuple[tuple[type[Exception], ...], _Meaning], ...] = (
    (
        (
            botocore.NoCredentialsError,
            botocore.PartialCredentialsError,
            botocore.CredentialRetrievalError,
            botocore.UnknownCredentialError,
            botocore.InfiniteLoopConfigError,
            botocore.RefreshWithMFAUnsupportedError,
            botocore.MetadataRetrievalError,
            botocore.NoAuthTokenError,
            botocore.TokenRetrievalError,
            botocore.SSOError,
        ),
        (StoreDeniedError, "there are no credentials to use", _CREDENTIALS),
    ),
    (
        (botocore.ProfileNotFound, botocore.ConfigParseError, botocore.ConfigNotFound),
        (StoreDeniedError, "the AWS profile cannot be used", "check AWS_PROFILE and its files"),
    ),
    (
        (botocore.SSLError,),
        (StoreUnavailableError, "no secure connection", "check the certificate and AWS_CA_BUNDLE"),
    ),
    (
        (botocore.ReadTimeoutError, botocore.ConnectTimeoutError, TimeoutError),
        (StoreUnavailableError, "no answer in time", _ENDPOINT),
    ),
    (
        (
            botocore.ConnectionError,
            botocore.HTTPClientError,
            botocore.IncompleteReadError,
            HttpError,
        ),
        (StoreUnavailableError, "no connection, or it broke", _ENDPOINT),
    ),
)
_SETTINGS: _Meaning = (StoreError, "the client cannot be used", "check the AWS_* settings")


def error_code(error: ClientError) -> str:
    """What the server calls its refusal; for an answer without a body, the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_status(error: ClientError) -> int:
    """The HTTP status of a refusal, 0 where there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def translate(error: Exception, url: str, key: str) -> StoreError:
    """The store's error for one of the client's; what the server wrote besides its code is left out."""
    kind, reason, hint = _meaning(error)
    place = f"{url}: {key}" if key else url
    return kind(f"{place}: {reason} ({_label(error)})", key=key, hint=hint)


def _meaning(error: Exception) -> _Meaning:
    if not isinstance(error, ClientError):
        return next((meaning for kinds, meaning in _FAULTS if isinstance(error, kinds)), _SETTINGS)
    status = error_status(error)
    meaning = _CODES.get(error_code(error)) or _STATUSES.get(status)
    if meaning is None:
        meaning = _FAILED if status >= 500 else (StoreError, "the server refused", "")
    # 501 is a server that will never do it, however often it is asked.
    return (StoreError, "the server cannot do this", "") if status == 501 else meaning


def _label(error: Exception) -> str:
    return error_code(error)[:60] if isinstance(error, ClientError) else type(error).__name__


@contextmanager
def translated(url: str, key: str = "") -> Iterator[None]:
    """Whatever the client raises in here becomes an error of the store."""
    try:
        yield
    except FAILURES as error:
        raise translate(error, url, key) from error
