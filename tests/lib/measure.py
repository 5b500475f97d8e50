#!/usr/bin/env python3
"""measure.py [OPTION...] FILE COMMAND... - run it; wall seconds, CPU seconds
and peak resident MiB of it and its children go to FILE as one JSON line.

  --usage PROGRAM     measured by tests/bench/usage, which takes no memory of
                      its own; without it nothing is less than this script
  --times N           so often, one after the other; the line is of one run
  --count NAME=DIR    also what a RadosGW of tests/lib/servers.sh was asked
                      for meanwhile: "requests" and "moved" by NAME
  --sea NAME=URL      the same of a tests/bench/sea

Requests are counted where they arrive, in the access log of the server, the
same way for every client: all that were answered, whatever the answer.
"""
import argparse
import json
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import time
import urllib.request

KINDS = ("PUT", "GET", "LIST", "HEAD", "DELETE", "other")
LINE = re.compile(rb' beast: \S+ .*?"([A-Z]+) (\S+) HTTP/[0-9.]+" [0-9]+ ')
# a GET of a bucket that is none of these is a LIST
ABOUT_BUCKET = {"acl", "cors", "encryption", "lifecycle", "location",
                "logging", "notification", "object-lock", "policy",
                "policyStatus", "publicAccessBlock", "replication",
                "requestPayment", "tagging", "versioning", "website"}
ABOUT_OBJECT = {"acl", "attributes", "legal-hold", "retention", "tagging",
                "torrent"}


def kind_of(method, target):
    """As they are paid for: an upload's POST is a PUT, a page of anything a
    LIST, DELETE also of many."""
    path, _, query = target.partition("?")
    names = {pair.partition("=")[0] for pair in query.split("&")}
    has_key = path.strip("/").find("/") > 0
    if method in ("HEAD", "DELETE"):
        return method
    if method == "POST" and "delete" in names:
        return "DELETE"
    if method in ("PUT", "POST"):
        return "PUT"
    if method != "GET":
        return "other"
    if names & (ABOUT_OBJECT if has_key else ABOUT_BUCKET):
        return "other"
    return "GET" if has_key and "uploadId" not in names else "LIST"


class RadosGW:
    """A gateway: its access log, and what its counters say of bytes."""

    def __init__(self, folder):
        self.log = os.path.join(folder, "client.rgw.a.log")
        self.socket = os.path.join(folder, "run", "client.rgw.a.asok")
        with open(os.path.join(folder, "endpoint.txt"),
                  encoding="utf-8") as f:
            self.endpoint = f.read().strip()
        # off is the default; costs the same whoever asks
        self.ask("config set", var="debug_rgw", val=["1/1"])
        self.at = os.path.getsize(self.log)
        self.at = self.read_to("/begin")[1]
        self.bytes = self.moved()

    def ask(self, prefix, **more):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(json.dumps(dict(more, prefix=prefix)).encode() + b"\0")
            with s.makefile("rb") as f:
                size = struct.unpack(">I", f.read(4))[0]
                return json.loads(f.read(size))

    def moved(self):
        rgw = self.ask("perf dump")["rgw"]
        return {"read": rgw["get_b"], "written": rgw["put_b"]}

    def read_to(self, mark):
        """Lines up to that of a request of our own: the log is written in
        order, a little later than the answers."""
        mark = "%s-%d-%d" % (mark, os.getpid(), self.at)
        try:
            urllib.request.urlopen(self.endpoint + mark).close()
        except urllib.error.HTTPError:
            pass
        line = ('"GET %s HTTP/' % mark).encode()
        for _ in range(1000):
            with open(self.log, "rb") as f:
                f.seek(self.at)
                text = f.read()
            found = text.find(line)
            end = text.find(b"\n", found)
            if found >= 0 and end >= 0:
                return text[:text.rfind(b"\n", 0, found) + 1], \
                    self.at + end + 1
            time.sleep(0.02)
        raise SystemExit("measure: %s does not log requests" % self.log)

    def result(self):
        bytes_now = self.moved()
        counts = dict.fromkeys(KINDS, 0)
        for method, target in LINE.findall(self.read_to("/end")[0]):
            counts[kind_of(method.decode(), target.decode("latin-1"))] += 1
        return counts, {k: v - self.bytes[k] for k, v in bytes_now.items()}


class Sea:
    """It counts itself; asking sets its numbers back."""

    def __init__(self, url):
        self.url = url + "/count"
        self.result()

    def result(self):
        with urllib.request.urlopen(self.url) as f:
            got = json.load(f)
        counts = dict.fromkeys(KINDS, 0)
        for name in ("list", "get", "head"):
            counts[name.upper()] = got[name]
        return counts, None


def run(command):
    begin = time.monotonic()
    status = subprocess.call(command)
    wall = time.monotonic() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall": round(wall, 2),
            "cpu": round(used.ru_utime + used.ru_stime, 2),
            "rss": round(used.ru_maxrss / 1024, 1), "status": status}


def run_by(usage, times, path, command):
    subprocess.call([usage, str(times), path] + command)
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--usage")
    p.add_argument("--times", type=int, default=1)
    p.add_argument("--count", action="append", default=[])
    p.add_argument("--sea", action="append", default=[])
    p.add_argument("file")
    p.add_argument("command", nargs=argparse.REMAINDER)
    args = p.parse_args()
    counted = {}
    for kind, pairs in ((RadosGW, args.count), (Sea, args.sea)):
        for pair in pairs:
            name, _, where = pair.partition("=")
            counted[name] = kind(where)
    used = run_by(args.usage, args.times, args.file, args.command) \
        if args.usage else run(args.command)
    if counted:
        results = {name: c.result() for name, c in counted.items()}
        used["requests"] = {n: r[0] for n, r in results.items()}
        used["moved"] = {n: r[1] for n, r in results.items() if r[1]}
    with open(args.file, "w", encoding="utf-8") as f:
        f.write(json.dumps(used) + "\n")
    status = used["status"]
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
