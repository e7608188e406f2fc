"""A remote library of Robot Framework: our keywords and all that Renode has, on one port of this machine.

Renode's own server would start a Renode without models; its keywords are called here, in the process of the models.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

from bk7238.engine import interruption
from bk7238.engine.renode_host import beside
from bk7238.robot.keywords import Keywords

HOST = "127.0.0.1"
STOP = "StopRemoteServer"  # Renode's keyword for its own server
_BIGGEST = (1 << 31) - 1  # of an integer of XML-RPC


class RenodeKeywords:
    """Those that renode-test offers: `Execute Command`, `Create Terminal Tester`, `Wait For Line On Uart`..."""

    def __init__(self) -> None:
        system = importlib.import_module("System")
        robot = importlib.import_module("Antmicro.Renode.RobotFramework")
        hidden = system.Reflection.BindingFlags.Instance | system.Reflection.BindingFlags.NonPublic
        self._engine = robot.RobotFrameworkEngine()
        self._manager = self._engine.GetType().GetField("keywordManager", hidden).GetValue(self._engine)
        self._execute = self._manager.GetType().GetMethod("TryExecuteKeyword")
        names = self._manager.GetType().GetMethod("GetRegisteredKeywords").Invoke(self._manager, None)
        self.names = [str(name) for name in names]
        self._array, self._object, self._failure = system.Array, system.Object, system.Exception

    def run(self, name: str, arguments: list[Any]) -> Any:
        """Raises ValueError for arguments that the keyword does not take, .NET's exception where it fails, and
        Interrupted."""
        call = self._array[self._object]([name, self._array[self._object](arguments), None])
        with interruption.at_once():
            found = beside(self._execute.Invoke, self._manager, call).result()
        if str(found) != "Success":
            raise ValueError(f"Renode's keyword {name} does not take {arguments}")
        return _plain(call[2])

    def failure(self, error: BaseException) -> str:
        """What a keyword has to say, without what it is wrapped in."""
        while isinstance(error, self._failure) and error.InnerException is not None:
            error = error.InnerException
        return str(getattr(error, "Message", error)).strip()


def listen(port: int, remote: Remote) -> SimpleXMLRPCServer:
    """A server that offers these keywords. Raises OSError where the port is taken."""
    server = SimpleXMLRPCServer((HOST, port), _Handler, logRequests=False, allow_none=True)
    server.register_instance(remote)
    return server


class _Handler(SimpleXMLRPCRequestHandler):
    """Requests of programs. What a web page sends has an origin: it could drive Renode's monitor from any site."""

    def do_POST(self) -> None:
        """Answer a request."""
        if "Origin" in self.headers:
            self.send_error(403, "not for web pages")
        else:
            super().do_POST()


class Remote:
    """The interface of Robot's remote libraries. `stopped` once a suite has called `Stop Remote Server`."""

    def __init__(self, ours: Keywords, renodes: RenodeKeywords) -> None:
        self._renodes = renodes
        self._ours: dict[str, Callable[..., Any]] = {
            name: method for name, method in inspect.getmembers(ours, inspect.ismethod) if not name.startswith("_")
        }
        self.stopped = False

    def get_keyword_names(self) -> list[str]:
        """The names of our keywords and of Renode's."""
        return [*self._ours, *self._renodes.names]

    def get_keyword_documentation(self, name: str) -> str:
        """The docstring of one of ours, or nothing."""
        return inspect.getdoc(self._ours[name]) or "" if name in self._ours else ""

    def run_keyword(self, name: str, arguments: list[Any], named: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run a keyword. Returns status, output and error as Robot's remote interface has it."""
        try:
            if name == STOP:
                self.stopped = True
                return {"status": "PASS", "return": True}
            if name in self._ours:
                value = _called(self._ours[name], arguments, named or {})
            else:
                value = self._renodes.run(name, arguments)
        except Exception as error:
            return {"status": "FAIL", "error": self._renodes.failure(error), "traceback": ""}
        return {"status": "PASS", "return": "" if value is None else value}


def _called(keyword: Callable[..., Any], arguments: list[Any], named: dict[str, Any]) -> Any:
    """Robot hands `name=value` on as it is written where it does not know a keyword's arguments."""
    parameters = inspect.signature(keyword).parameters
    any_name = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    positional = []
    for argument in arguments:
        name, equals, value = argument.partition("=") if isinstance(argument, str) else ("", "", "")
        if equals and name.isidentifier() and (any_name or name in parameters):
            named = {**named, name: value}
        else:
            positional.append(argument)
    try:
        inspect.signature(keyword).bind(*positional, **named)
    except TypeError as error:
        raise ValueError(f"{keyword.__name__}: {error}") from None
    return keyword(*positional, **named)


def _plain(value: Any) -> Any:
    """A result of .NET as XML-RPC can say it."""
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int):
        return value if -_BIGGEST <= value <= _BIGGEST else str(value)
    kind = value.GetType()
    if kind.IsArray:
        return [_plain(item) for item in value]
    members = [*kind.GetProperties(), *kind.GetFields()]
    if not members or kind.Namespace == "System":
        return str(value)
    return {str(member.Name): _plain(member.GetValue(value)) for member in members}
