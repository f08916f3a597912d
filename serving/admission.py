"""Who is let in: who needs a key, and whose rate a request counts against."""

import re
from functools import partial
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from claimstance.errors import Forbidden, Misdirected, Unauthorized
from serving import keys, settings
from serving.page import FILES
from serving.rates import Rates, network
from serving.visit import Visit

_PORT = re.compile(r":\d*$")

OPEN = {*FILES, "/docs.json", "/livez", "/readyz", "/healthz"}
"""Paths that need no key; nothing of anybody's is behind them."""


class Admission:
    """Lets callers in, or not.

    Where there is a file of keys, all but `OPEN` needs one of them, and `/metrics` does from other
    machines. Where there is none, only this machine is answered, whatever address the service is
    bound to, unless it was started as insecure. A proxy on this machine must say for whom it asks,
    in `X-Forwarded-For`; the callers of one that does not cannot be told from this machine's own.

    Where being on this machine is what lets a caller in, the caller must also say so: a page of
    another site can have its own name resolve to loopback (DNS rebinding), and a browser then
    sends that name as the host. Only loopback's names and the `CLAIMSTANCE_HOSTS` are answered.

    Args:
        rate: sentences a minute for one caller, None for no limit.
    """

    def __init__(self, rate: int | None) -> None:
        self._keys = keys.Keyring()
        self._rates = None if rate is None else Rates(rate)
        self._insecure = settings.insecure()
        self._hosts = settings.hosts()

    def admit(self, scope: Scope, seen: Visit) -> None:
        """Note who asks, and how what is computed for them is charged.

        Raises:
            Misdirected: it names a host that is not this machine, and there are no keys.
            Forbidden: it comes from another machine, and there are no keys.
            Unauthorized: a key is needed, and none that is known came with the request.
            RateExceeded: it asks for work, and its caller's rate is used up.
        """
        self._check_host(scope)
        if scope["path"] in OPEN or (scope["path"] == "/metrics" and is_local(scope["client"])):
            return
        seen.key = self._key(scope)
        if self._rates is not None and scope["method"] == "POST":
            client = scope["client"]
            caller = f"key {seen.key}" if seen.key else network(client[0] if client else "")
            seen.charge = partial(self._rates.spend, caller)
            seen.charge(0)

    def _check_host(self, scope: Scope) -> None:
        if self._insecure or not is_local(scope["server"]) or keys.required():
            return
        host = _PORT.sub("", Headers(scope=scope).get("host", "localhost").lower())
        if host not in self._hosts and not is_local((host.strip("[]"), None)):
            raise Misdirected(
                "without API keys this service answers to names of its own machine alone; its "
                f"operator may allow others in {settings.HOSTS}",
                "host",
            )

    def _key(self, scope: Scope) -> str | None:
        """Return the name of the caller's key, None where none is needed."""
        if not keys.required():
            if self._insecure or (is_local(scope["server"]) and is_local(scope["client"])):
                return None
            raise Forbidden(
                "this service answers other machines only when it has API keys; its operator adds "
                "one with `python -m serving keys add NAME`"
            )
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("needs an API key: send `Authorization: Bearer KEY`")
        name = self._keys.find(token.strip())
        if name is None:
            raise Unauthorized("the API key is not known here, or has been revoked")
        return name


def is_local(address: tuple[str, int | None] | None) -> bool:
    """Tell whether an address is of this machine alone: loopback, or None, a Unix socket's."""
    if address is None:
        return True
    try:
        parsed = ip_address(address[0])
    except ValueError:
        return address[0] == "localhost"
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback
