"""Plugins for Millwright in Python 3, with nothing but its standard library.

Copy this file beside your own and write:

    import millwright_plugin as mw

    plugin = mw.Plugin("weather", "1.0")

    @plugin.check("cold", "says whether it is cold", settings={"limit": mw.intrange(5, 0, 30)})
    def cold(request):
        return mw.ok("3 degrees") if 3 < request.settings["limit"] else mw.bad("too warm")

    plugin.run()

What you print on stderr (mw.log) is the plugin's log. Nothing of yours may write to
stdout: it belongs to the protocol, and print() goes to stderr once run() was called.
Each request runs in a thread of its own.
"""

import json
import os
import queue
import sys
import threading

PROTOCOL = 1

# Codes of errors; docs/plugins.md says what follows from each.
REFUSED, UNREACHABLE, DENIED, NO_ANSWER, LOST = 1, 2, 3, 4, 5
NO_METHOD, BAD_PARAMS, INTERNAL = -32601, -32602, -32603

THREADS = 16


class Error(Exception):
    """What a request is answered when it cannot be fulfilled."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def refused(why):
    return Error(REFUSED, why)


def log(*words):
    print(*words, file=sys.stderr, flush=True)


# The six types of settings.

def string(default=None, doc=""):
    return _setting({"type": "string"}, default, doc)


def integer(default=None, doc=""):
    return _setting({"type": "integer", "minimum": 0}, default, doc)


def boolean(default=None, doc=""):
    return _setting({"type": "boolean"}, default, doc)


def intrange(default, low, high, doc=""):
    return _setting({"type": "integer", "minimum": low, "maximum": high}, default, doc)


def select(choices, default=None, doc=""):
    return _setting({"type": "string", "enum": list(choices)}, default, doc)


def multilist(choices=(), default=None, doc="", ordered=False):
    items = {"type": "string"}
    if choices:
        items["enum"] = list(choices)
    schema = {"type": "array", "items": items, "uniqueItems": True}
    if ordered:
        schema["x-ordered"] = True
    return _setting(schema, default, doc)


def required(setting):
    return {**setting, "required": True}


def _setting(schema, default, doc):
    if default is not None:
        schema["default"] = default
    if doc:
        schema["description"] = doc
    return schema


def _schema(settings):
    properties = {name: {k: v for k, v in s.items() if k != "required"} for name, s in settings.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(name for name, s in settings.items() if s.get("required")),
        "additionalProperties": False,
    }


# What a check says.

def ok(said, took_ms=0, values=()):
    return _verdict("ok", said, took_ms, values)


def bad(said, values=()):
    return _verdict("bad", said, 0, values)


def unknown(said):
    return _verdict("unknown", said, 0, ())


def _verdict(verdict, said, took_ms, values):
    return {"verdict": verdict, "said": said, "took_ms": int(took_ms), "values": list(values)}


# What a driver says of a plug.

def state(on, raw=""):
    return {"state": {True: "on", False: "off", None: "unknown"}[on], "raw": raw}


DONE = {"done": True}


def failed(why):
    return {"failed": why}


def unsure(why):
    return {"unknown": why}


class Request:
    """What the daemon asks: its parameters as attributes, and whether it still wants to know."""

    def __init__(self, params):
        self.__dict__.update(params)
        self.params = params
        self.cancelled = threading.Event()

    def password(self):
        """The password of the credential, or ""."""
        return (self.params.get("credential") or {}).get("values", {}).get("password", "")

    def user(self):
        return (self.params.get("credential") or {}).get("user", "")


class Device:
    """A device that is open. Derive your own driver from it."""

    can = ("on", "off", "status")
    measures = False

    def __init__(self, request):
        """Reach the device; raise Error(UNREACHABLE, ...) or Error(DENIED, ...) if you cannot."""

    def do(self, request, op, plugs):
        """Do op on plugs, and give a result for each: {plug: state(...), DONE, failed(...) or unsure(...)}."""
        raise Error(REFUSED, "cannot " + op)

    def measure(self, request):
        """Give [{"plug": ..., "quantity": "power", "value": 12.5}, ...]."""
        return []

    def close(self):
        """Leave the device."""


class Plugin:
    def __init__(self, name, version, settings=None):
        self.name, self.version = name, version
        self.settings = {}  # of the plugin as a whole, once the daemon has given them
        self._wants = settings or {}
        self._things = []
        self._run = {}  # (kind, name) -> function or class
        self._reactions = []
        self._sessions = {}
        self._requests = {}  # those that are being answered, by id
        self._asked = {}  # what we have asked, by id
        self._last = 0
        self._lock = threading.Lock()
        self._work = queue.Queue()
        self._out = None

    # What it provides.

    def driver(self, name, summary="", settings=None):
        def add(cls):
            self._add("driver", name, summary, settings, cls, can=list(cls.can), measures=cls.measures)
            return cls
        return add

    def check(self, name, summary="", settings=None):
        return self._adder("check", name, summary, settings)

    def control(self, name, summary="", settings=None, can=("off", "status")):
        """The function is given the request and "off", "on" or "status"; it gives True, False or None for status."""
        return self._adder("control", name, summary, settings, can=list(can))

    def notifier(self, name, summary="", settings=None):
        return self._adder("notifier", name, summary, settings)

    def reaction(self, name, summary=""):
        """The function is given each event, as a dictionary, one after the other."""
        def add(function):
            self._add("reaction", name, summary, None, function)
            self._reactions.append(function)
            return function
        return add

    def _adder(self, kind, name, summary, settings, **more):
        def add(function):
            self._add(kind, name, summary, settings, function, **more)
            return function
        return add

    def _add(self, kind, name, summary, settings, run, **more):
        self._run[kind, name] = run
        self._things.append({"kind": kind, "name": name, "summary": summary, "settings": _schema(settings or {}), **more})

    # What a reaction may ask for.

    def do(self, op, nodes, reason):
        """Have the daemon do op on nodes (a host list) with the rights that the room gave this plugin."""
        return self._ask("do", {"op": op, "nodes": nodes, "reason": reason})

    def run_check(self, node, check):
        return self._ask("run_check", {"node": node, "check": check})

    def _ask(self, method, params):
        answer = queue.Queue(1)
        with self._lock:
            self._last += 1
            number = self._last
            self._asked[number] = answer
        self._send({"id": number, "method": method, "params": params})
        message = answer.get()
        if "error" in message:
            raise Error(message["error"].get("code", INTERNAL), message["error"].get("message", ""))
        return message.get("result")

    # The conversation.

    def run(self):
        """Talk with the daemon until it has had enough."""
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)  # print() must not get between the messages
        events = queue.Queue()
        threading.Thread(target=self._react, args=(events,), daemon=True).start()
        for _ in range(THREADS):
            threading.Thread(target=self._worker, daemon=True).start()
        for line in sys.stdin.buffer:
            message = json.loads(line)
            method, number = message.get("method"), message.get("id")
            params = message.get("params") or {}
            if method is None:
                with self._lock:
                    answer = self._asked.pop(number, None)
                if answer:
                    answer.put(message)
            elif method == "shutdown":
                self._send({"id": number, "result": {}})
                break
            elif method == "cancel":
                request = self._requests.get(params.get("id"))
                if request:
                    request.cancelled.set()
            elif method == "event":
                events.put(params["event"])
            elif method == "ping":  # at once, however many requests there are
                self._send({"id": number, "result": {}})
            else:
                request = Request(params)
                self._requests[number] = request
                self._work.put((number, method, request))
        self._out.flush()
        os._exit(0)  # threads that hang in a device must not keep us

    def _worker(self):
        while True:
            number, method, request = self._work.get()
            try:
                answer = {"result": self._answer(method, request)}
            except Error as e:
                answer = {"error": {"code": e.code, "message": str(e)}}
            except Exception as e:  # a fault of ours is no answer of the device
                log("%s: %s: %s" % (method, type(e).__name__, e))
                answer = {"error": {"code": INTERNAL, "message": "%s: %s" % (type(e).__name__, e)}}
            self._requests.pop(number, None)
            if number is not None:
                self._send({"id": number, **answer})

    def _react(self, events):
        while True:
            event = events.get()
            for function in self._reactions:
                try:
                    function(event)
                except Exception as e:
                    log("reaction: %s: %s" % (type(e).__name__, e))

    def _answer(self, method, request):
        kind, _, what = method.partition(".")
        if method == "hello":
            return {
                "protocol": PROTOCOL, "name": self.name, "version": self.version,
                "settings": _schema(self._wants), "provides": self._things,
            }
        if method == "configure":
            self.settings = request.settings
            return {}
        if method == "check.run":
            return self._thing("check", request)(request)
        if kind == "control":
            on = self._thing("control", request)(request, what)
            return state(on) if what == "status" else {}
        if method == "notify":
            self._thing("notifier", request)(request, request.event)
            return {}
        if kind == "driver":
            return self._driver(what, request)
        raise Error(NO_METHOD, "there is no method " + method)

    def _thing(self, kind, request):
        run = self._run.get((kind, request.thing))
        if run is None:
            raise Error(BAD_PARAMS, "there is no %s %s" % (kind, request.thing))
        return run

    def _driver(self, what, request):
        if what == "open":
            device = self._thing("driver", request)(request)
            self._sessions[request.session] = device
            if request.cancelled.is_set():
                self._sessions.pop(request.session).close()
            return {}
        if what == "close":
            device = self._sessions.pop(request.session, None)
            if device:
                device.close()
            return {}
        device = self._sessions.get(request.session)
        if device is None:
            raise Error(LOST, "there is no session " + request.session)
        if what == "do":
            return {"plugs": device.do(request, request.op, request.plugs)}
        if what == "measure":
            return {"readings": device.measure(request)}
        raise Error(NO_METHOD, "there is no method driver." + what)

    def _send(self, message):
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()
