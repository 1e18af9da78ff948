#!/usr/bin/env python3
"""An example of a plugin, which provides one thing of each kind.

Its device is a file of JSON, so that you can look at it and change it by hand:

    {"password": "optional", "plugs": {"1": "off", "2": "on", "3": "locked", "4": "stuck"}}

A plug that is "locked" refuses; one that is "stuck" takes commands and stays off.
"""

import json
import os
import tempfile
import threading
import urllib.request

import millwright_plugin as mw

plugin = mw.Plugin("example", "1.0", settings={
    "greeting": mw.string("hello", doc="a word that stands in the log"),
})

files = threading.Lock()  # one who reads, changes and writes at a time


@plugin.driver("file", "plugs that are entries of a file", settings={
    "path": mw.required(mw.string(doc="the file")),
    "watts": mw.intrange(60, 0, 3000, doc="what each plug that is on draws"),
})
class File(mw.Device):
    can = ("on", "off", "status")
    measures = True

    def __init__(self, request):
        self.path, self.watts = request.settings["path"], request.settings["watts"]
        try:
            known = self.read()
        except OSError as e:
            raise mw.Error(mw.UNREACHABLE, "the file cannot be read: %s" % e.strerror)
        if known.get("password", "") != request.password():
            raise mw.Error(mw.DENIED, "the password is wrong")

    def read(self):
        with open(self.path) as f:
            return json.load(f)

    def write(self, known):
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(self.path), delete=False) as f:
            json.dump(known, f)
        os.replace(f.name, self.path)

    def do(self, request, op, plugs):
        with files:
            try:
                known = self.read()
            except (OSError, ValueError) as e:
                raise mw.Error(mw.NO_ANSWER, "the file cannot be read: %s" % type(e).__name__)
            if request.cancelled.is_set():
                raise mw.refused("nobody wants it any more")
            results = {plug: self.one(known["plugs"], op, plug) for plug in plugs}
            if op != "status":
                self.write(known)
        return results

    def one(self, known, op, plug):
        now = known.get(plug)
        if now is None:
            return mw.failed("there is no plug " + plug)
        if op == "status":
            return mw.state(now == "on", now)
        if now == "locked":
            return mw.failed("it is locked")
        if now != "stuck":
            known[plug] = op
        return mw.DONE

    def measure(self, request):
        known = self.read()["plugs"]
        return [{"plug": plug, "quantity": "power", "value": self.watts if now == "on" else 0}
                for plug, now in known.items()]


@plugin.check("free-space", "whether there is space on a disk of this computer", settings={
    "path": mw.string("/", doc="any folder on the disk"),
    "percent": mw.intrange(10, 1, 99, doc="how much is to be free"),
})
def free_space(request):
    disk = os.statvfs(request.settings["path"])
    free = 100.0 * disk.f_bavail / max(1, disk.f_blocks)
    said = "%.0f %% of the disk are free on %s" % (free, request.node)
    values = [{"part": "free", "quantity": "percent", "value": round(free, 1)}]
    if free >= request.settings["percent"]:
        return mw.ok(said, values=values)
    return mw.bad(said, values=values)


@plugin.control("flag", "a node that halts when a file says so", can=("off", "on", "status"), settings={
    "folder": mw.required(mw.string(doc="where there is a file for each node that is up")),
})
def flag(request, verb):
    path = os.path.join(request.settings["folder"], os.path.basename(request.node))
    if verb == "status":
        return os.path.exists(path)
    if verb == "on":
        open(path, "w").close()
    elif os.path.exists(path):
        os.remove(path)
    else:
        raise mw.refused("it is down already")


@plugin.notifier("hook", "posts events to a page of yours, or writes them to a file", settings={
    "url": mw.string("", doc="where to post"),
    "file": mw.string("", doc="where to write"),
    "style": mw.select(["line", "json"], "line", doc="how an event looks"),
    "only": mw.multilist(["fail", "refused"], [], doc="outcomes to tell of; none means all"),
})
def hook(request, event):
    s = request.settings
    if s["only"] and event.get("outcome") not in s["only"]:
        return
    text = json.dumps(event) if s["style"] == "json" else "%s %s" % (event["kind"], event.get("detail", ""))
    if s["url"]:
        urllib.request.urlopen(urllib.request.Request(s["url"], text.encode()), timeout=10).close()
    if s["file"]:
        with open(s["file"], "a") as f:
            f.write(text + "\n")


@plugin.reaction("restart-crashed", "cycles nodes whose machine logs a crash, if a check is bad, too")
def restart_crashed(event):
    if event["kind"] != "machine" or "crash" not in event.get("detail", ""):
        return
    node = event["targets"]
    seen = plugin.run_check(node, "ping")
    if seen["verdict"] != "bad":
        mw.log("%s has logged a crash, and is well: %s" % (node, seen["said"]))
        return
    done = plugin.do("cycle", node, "it logged a crash, and " + seen["said"])
    mw.log("%s: %s: %s" % (plugin.settings["greeting"], node, done.get("said", "")))


if __name__ == "__main__":
    plugin.run()
