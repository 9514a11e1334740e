"""The proxy the environment names, for those who ask for it; otherwise the environment is not read."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from archiver.realtimekit.addresses import is_loopback_host


def environment_proxy(url: URL) -> URL | None:
    """The proxy for this URL by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.

    Read here, because the HTTP library's own switch would read passwords from .netrc as well, and
    send them to a download host.
    """
    if is_loopback_host(url.host or "") or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return URL(proxy) if proxy else None
