"""Which sinks are live: a pure decision over the command line and the environment.

======================================================  ==================  ====================
asked for                                               stays on machine    leaves the machine
======================================================  ==================  ====================
not requested                                           off                 off
named in ``HFBENCH_SINK``                               live                live; off in CI
named on the command line                               live                live, in CI too
``DO_NOT_TRACK`` or ``HFBENCH_NO_TELEMETRY`` is set     no change           off, however asked
======================================================  ==================  ====================
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hfbench.errors import UsageError
from hfbench.telemetry.base import SinkFactory, SinkSpec
from hfbench.telemetry.registry import find_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Names sinks, separated by blanks; quotes as in a shell protect a blank within one.
SINK_VARIABLE: Final = "HFBENCH_SINK"

#: Either switches off every sink that leaves the machine.
OPT_OUT_VARIABLES: Final = ("DO_NOT_TRACK", "HFBENCH_NO_TELEMETRY")

#: ``CI`` is what most services set; the others are set by services that do not, or did not always.
CI_VARIABLES: Final = (
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "TF_BUILD",
    "TEAMCITY_VERSION",
    "JENKINS_URL",
    "CODEBUILD_BUILD_ID",
)

_FALSE: Final = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class SinkChoice:
    """The decision about one requested sink.

    Attributes:
        spec: The sink.
        factory: What makes it.
        off_because: Why it stays off, for people; empty when it is live.
    """

    spec: SinkSpec
    factory: SinkFactory
    off_because: str = ""

    @property
    def is_live(self) -> bool:
        """Whether events go there."""
        return not self.off_because


def is_set(environ: Mapping[str, str], variable: str) -> bool:
    """Return whether ``variable`` is set to anything but empty, ``0``, ``false``, ``no`` or ``off``."""
    return environ.get(variable, "").strip().lower() not in _FALSE


def is_ci(environ: Mapping[str, str]) -> bool:
    """Return whether a CI service runs this process."""
    return any(is_set(environ, variable) for variable in CI_VARIABLES)


def choose_sinks(
    cli_specs: Sequence[str],
    environ: Mapping[str, str],
    find: Callable[[str], SinkFactory] = find_factory,
) -> tuple[SinkChoice, ...]:
    """Decide about every requested sink, in the order of the requests, each once; nothing is opened.

    Args:
        cli_specs: Specs from the command line; they come first.
        environ: The environment.
        find: Maps a scheme to its factory.

    Raises:
        UsageError: A spec can't be read, or its scheme is unknown.
        MachineError: A third party's sink can't be loaded.
    """
    named = tuple(SinkSpec.parse(text) for text in cli_specs)
    wished = tuple(SinkSpec.parse(text) for text in _from_variable(environ))
    choices = []
    for spec in dict.fromkeys((*named, *wished)):
        factory = find(spec.scheme)
        why = _why_off(environ, is_named=spec in named) if factory.network else ""
        choices.append(SinkChoice(spec, factory, why))
    return tuple(choices)


def _from_variable(environ: Mapping[str, str]) -> list[str]:
    try:
        return shlex.split(environ.get(SINK_VARIABLE, ""))
    except ValueError:
        raise UsageError(f"{SINK_VARIABLE} has a quote that is not closed; separate sinks by blanks") from None


def _why_off(environ: Mapping[str, str], *, is_named: bool) -> str:
    for variable in OPT_OUT_VARIABLES:
        if is_set(environ, variable):
            return f"{variable} is set"
    if is_ci(environ) and not is_named:
        return "in CI it must be named on the command line"
    return ""
