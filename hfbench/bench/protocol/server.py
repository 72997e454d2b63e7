"""The engine's end of the protocol: a loop over requests, and hfbench's own engine behind it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from hfbench.bench.protocol.messages import Hello, ProtocolError, Refusal, RunAnswer, RunRequest, decode, encode
from hfbench.errors import HfbenchError

Run = Callable[[RunRequest], RunAnswer | Refusal]

_STDOUT: Final = 1
_STDERR: Final = 2
#: The engine's option that names the folder of its cache. The protocol sends it separately from the options.
_CACHE: Final = "cache"


def serve(requests: IO[bytes], answers: IO[bytes], hello: Callable[[], Hello], run: Run) -> None:
    """Answer one JSON line for each request until ``bye`` or the end of the input.

    A request that fails is answered with an error, and the loop continues: the harness needs the reason, and may ask
    for something else.
    """
    for line in requests:
        message, answer = _answer(line, hello, run)
        if "id" in message:
            answer["id"] = message["id"]
        answers.write(encode(answer))
        answers.flush()
        if message.get("op") == "bye":
            return


def _answer(line: bytes, hello: Callable[[], Hello], run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    message: dict[str, Any] = {}
    try:
        message = decode(line)
        match message.get("op"):
            case "hello":
                return message, hello().to_json()
            case "run":
                return message, run(RunRequest.from_json(message)).to_json()
            case "bye":
                return message, {"ok": True}
            case other:
                refusal = Refusal(kind="unknown_op", message=f"op {other!r}; this engine knows hello, run, bye")
    except ProtocolError as error:
        refusal = Refusal(kind="bad_request", message=str(error))
    except HfbenchError as error:
        refusal = Refusal(kind="failed", message=error.message)
    return message, refusal.to_json()


@contextmanager
def private_stdout() -> Iterator[IO[bytes]]:
    """Standard output as it was, for answers alone; whatever else prints to it (C libraries too) goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        with os.fdopen(os.dup(kept), "wb") as answers:
            yield answers
    finally:
        sys.stdout.flush()
        os.dup2(kept, _STDOUT)
        os.close(kept)


def engine_hello(axes: Mapping[str, str]) -> Hello:
    """What hfbench says of itself; ``axes`` (``backend``, ``scope``, ``format``) are fixed by the worker's options."""
    from hfbench.bench.machine import versions
    from hfbench.model.options import BACKENDS
    from hfbench.model.plan import ImageFormat, Scope

    facts = versions()
    capabilities = {
        "backends": list(BACKENDS),
        "scopes": [scope.value for scope in Scope],
        "formats": [each.value for each in ImageFormat],
    }
    return Hello(name="hfbench", version=facts["version"], axes=axes, capabilities=capabilities, facts=facts)


def run_extraction(request: RunRequest) -> RunAnswer | Refusal:
    """Extract what is asked for with hfbench's engine.

    If any clip fails, the whole run is answered with an error: its time would not be comparable.

    Raises:
        UsageError: the composition or an option is invalid.
        MachineError: the machine lacks something.
    """
    from hfbench.composition.json_format import from_document
    from hfbench.engine.extract import extract
    from hfbench.model.options import ExtractOptions

    known = {each.name for each in fields(ExtractOptions)}
    chosen = {key: value for key, value in request.options.items() if key in known - {_CACHE}}
    if request.cache != "off":
        if _CACHE not in known:
            return Refusal(kind="unsupported", message=f"cache {request.cache!r}; this engine has no cache yet")
        chosen[_CACHE] = request.cache_folder
    # The harness looks at the frames in its own folder, warm or not.
    chosen["cached_in_place"] = False
    options = ExtractOptions(**chosen)
    composition = from_document(request.composition)
    if request.cache == "warm":
        with TemporaryDirectory(prefix="hfbench-warm-up-") as elsewhere:
            extract(composition, elsewhere, options).close()
    with extract(composition, request.out, options) as result:
        if result.failures:
            reasons = "; ".join(f"{failure.clip_id}: {failure.message}" for failure in result.failures)
            return Refusal(kind="extraction_failed", message=reasons)
        frames = {clip.clip_id: clip.frames for clip in result.clips}
        return RunAnswer(metrics=result.breakdown.to_json(), frames=frames)
