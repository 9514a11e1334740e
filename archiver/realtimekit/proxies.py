"""The proxy the environment names, for those who ask for it; otherwise the environment is not read."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from archiver.errors import SettingsError
from archiver.realtimekit.addresses import is_host_name, is_loopback_host


def environment_proxy(url: URL) -> URL | None:
    """The proxy for this URL by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.

    Read here, because the HTTP library's own switch would read passwords from .netrc as well, and
    send them to a download host.
    """
    if is_loopback_host(url.host or "") or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    try:
        parsed = URL(proxy if "://" in proxy else f"http://{proxy}")
        host = parsed.host or ""
    except ValueError:
        parsed, host = URL(), ""
    if parsed.scheme not in {"http", "https"} or not is_host_name(host):
        raise SettingsError(
            f"the proxy that {url.scheme.upper()}_PROXY or ALL_PROXY names is no URL",
            hint="it takes http://HOST:PORT; or switch RTK_ARCHIVE_PROXY off",
        )
    return parsed
