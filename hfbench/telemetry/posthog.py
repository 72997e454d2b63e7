"""``posthog:[URL][?key=…]``: one PostHog event each, through PostHog's own client, not attributed to a person.

The client is used synchronously, on the dispatcher's thread: it starts no threads and no exit handlers of its own, and
a failure is known at once. What it adds to an event is removed again, except for the keys in :data:`CLIENT_KEYS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hfbench.errors import HfbenchError, UsageError
from hfbench.telemetry.base import CLOSE_SECONDS, SinkFactory, SinkSpec, TelemetryEvent
from hfbench.telemetry.clients import ANONYMOUS_ID, no_credentials, quieten, require
from hfbench.telemetry.endpoint import check_url, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Seconds for one request. The exit does not wait for it: see :mod:`hfbench.telemetry.dispatch`.
REQUEST_SECONDS: Final = 10.0

#: Where the key and the host are looked for when the spec names none, in this order.
KEY_VARIABLES: Final = ("HFBENCH_POSTHOG_API_KEY", "POSTHOG_API_KEY")
HOST_VARIABLES: Final = ("HFBENCH_POSTHOG_HOST", "POSTHOG_HOST")

#: PostHog's cloud in the US, its client's default.
DEFAULT_HOST: Final = "https://us.i.posthog.com"

#: What the client may add: its own name and version.
CLIENT_KEYS: Final = frozenset({"$lib", "$lib_version"})

#: What is sent with the event: make no person, look up no place, keep no address of the sender.
PRIVACY: Final[Mapping[str, bool | str]] = {
    "$process_person_profile": False,
    "$geoip_disable": True,
    "$ip": "0.0.0.0",  # noqa: S104  no address to bind to: it stands in for the sender's
}


class PosthogSink:
    """Sends what it is given in one request. The client is imported when the first event comes.

    The client makes the messages and posts them; its own queue and thread are left out, because they hide what was
    refused and hold up the exit.

    Args:
        host: URL of PostHog.
        key: The project's key (the public one, which can only add events).

    Raises:
        NotInstalledError: The ``posthog`` client is not installed.
    """

    def __init__(self, host: str, key: str) -> None:
        require("posthog", "posthog", ("posthog",))
        self._host = host
        self._key = key
        self._client: Any = None
        self._is_closed = False
        self._allowed: dict[str, Any] = {}
        self._messages: list[dict[str, Any]] = []

    def start(self) -> None:
        """Import the client."""
        if self._client is None:
            self._client = self._make_client()

    def emit(self, event: TelemetryEvent) -> None:
        """Send ``event`` and wait for the answer.

        Raises:
            HfbenchError: The sink is closed, or the client swallowed a failure.
            Exception: Whatever the client raises: refused, timed out, an answer other than 200.
        """
        self.emit_all((event,))

    def emit_all(self, events: Sequence[TelemetryEvent]) -> None:
        """Send ``events`` in one request and wait for the answer.

        Raises:
            HfbenchError: The sink is closed, or the client swallowed a failure.
            Exception: Whatever the client raises: refused, timed out, an answer other than 200.
        """
        if self._is_closed:
            raise HfbenchError("the sink is closed")
        self.start()
        self._messages = []
        for event in events:
            self._allowed = {**event.properties, **PRIVACY}
            self._client.capture(
                event.name, distinct_id=ANONYMOUS_ID, properties=dict(self._allowed), timestamp=event.moment
            )
        if len(self._messages) != len(events):
            raise HfbenchError("the client did not send the event")
        from posthog.request import batch_post

        batch_post(self._key, self._client.host, timeout=REQUEST_SECONDS, batch=self._messages)

    def close(self, timeout_seconds: float = CLOSE_SECONDS) -> None:
        """Take no more events; nothing is buffered."""
        del timeout_seconds  # a synchronous client has nothing to flush
        self._is_closed = True
        self._client = None

    def _make_client(self) -> Any:
        import posthog
        import posthog.request

        quieten("posthog")
        # Not public, hence the guard; test_posthog shows what goes wrong without it.
        session = getattr(posthog.request, "_session", None)
        if session is not None:
            session.auth = no_credentials
        client = posthog.Posthog(
            self._key,
            host=self._host,
            sync_mode=True,
            disable_geoip=True,
            enable_exception_autocapture=False,
            before_send=self._take,
        )
        # Set here and not in the call, where it would also turn on verbose logging: makes failures raise.
        client.debug = True
        return client

    def _take(self, message: dict[str, Any]) -> None:
        """Keep what the client made of an event; None means that there is nothing left to send."""
        self._messages.append(self._only_allowed(message))

    def _only_allowed(self, message: dict[str, Any]) -> dict[str, Any]:
        """What leaves: the event as it was given, and the client's name. The client adds tags and more."""
        added = message.get("properties") or {}
        return {
            "event": message["event"],
            "distinct_id": ANONYMOUS_ID,
            "timestamp": message["timestamp"],
            "uuid": message["uuid"],
            "properties": {**{key: added[key] for key in CLIENT_KEYS if key in added}, **self._allowed},
        }


def _first_set(environ: Mapping[str, str], variables: tuple[str, ...]) -> tuple[str, str]:
    for variable in variables:
        if value := environ.get(variable, "").strip():
            return value, variable
    return "", ""


def _open(spec: SinkSpec, environ: Mapping[str, str]) -> PosthogSink:
    endpoint = parse_endpoint(spec, frozenset({"key"}))
    key = endpoint.options.get("key") or _first_set(environ, KEY_VARIABLES)[0]
    if not key:
        raise UsageError(f"sink {spec.label}: needs the project's key: set POSTHOG_API_KEY, or write posthog:URL?key=…")
    host, variable = (endpoint.url, spec.label) if endpoint.url else _first_set(environ, HOST_VARIABLES)
    return PosthogSink(check_url(host, f"posthog ({variable})") if host else DEFAULT_HOST, key)


FACTORY: Final = SinkFactory(_open)
