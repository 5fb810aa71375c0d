"""What ``cals ui`` tells the process of a server, in an environment variable: others can read a command line."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from pipelines.web.door import Rules

VARIABLE = "CALS_UI_SERVER"


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How one server is offered.

    Args:
        host: address to listen on.
        names: under which browsers may ask for it.
        token: needed for everything, unless empty.
        read_only: it shows, and changes nothing.
        notices: file for what whoever started `cals ui` should know, a line each.
    """

    host: str
    port: int
    names: tuple[str, ...]
    token: str = field(default="", repr=False)
    read_only: bool = False
    notices: str = ""

    def to_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> ServerOptions:
        """Takes the options out of the environment, so that runs and workers don't inherit the token."""
        values = json.loads(os.environ.pop(VARIABLE))
        return cls(**values | {"names": tuple(values["names"])})

    def rules(self, *, json_only: bool) -> Rules:
        return Rules(hosts=frozenset(self.names), token=self.token, json_only=json_only)
