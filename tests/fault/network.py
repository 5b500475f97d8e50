"""Everything that can go wrong on the wire, at each kind of request, once and
for ever.  What must hold: exit status 0 only if the set restores byte for
byte; what is transient is survived; what is not fails with words.

network.py create|restore.  EVERY=n: each n-th case only (default 8).
"""
import itertools
import json
import os
import re
import sys

from kit import Tests, World, s3, want

EVERY = int(os.environ.get("EVERY", "8"))
tests = Tests(sys.argv[2])

# --- kinds of requests: name, side, method, path, query

LIST = "list-type=2&encoding"
NONE = "^$"
CREATE = [
    ("LIST of the source", "source", "GET", "", LIST),
    ("GET of an object", "source", "GET", "runs", NONE),
    ("GET of a large object", "source", "GET", "large", NONE),
    ("GET of tags", "source", "GET", "", "tagging"),
    ("LIST of the repository", "repo", "GET", "", LIST),
    ("HEAD of a file", "repo", "HEAD", "", ""),
    ("GET of a manifest", "repo", "GET", "manifest", NONE),
    ("GET of an inventory", "repo", "GET", "inventory", NONE),
    ("PUT of a file", "repo", "PUT", "pack|inventory", NONE),
    ("PUT of the first file", "repo", "PUT", "open.json", NONE),
    ("PUT of the manifest", "repo", "PUT", "manifest", NONE),
    ("POST that begins an upload", "repo", "POST", "", "uploads"),
    ("PUT of a part", "repo", "PUT", "", "partNumber"),
    ("POST that completes an upload", "repo", "POST", "", "uploadId"),
]
RESTORE = [
    ("LIST of the repository", "repo", "GET", "", LIST),
    ("HEAD of a file", "repo", "HEAD", "", ""),
    ("GET of the manifest", "repo", "GET", "manifest", NONE),
    ("GET of an inventory", "repo", "GET", "inventory", NONE),
    ("GET of a pack", "repo", "GET", "pack", NONE),
    ("GET of a large file", "repo", "GET", "/object-", NONE),
    ("GET of a database", "repo", "GET", "sqlite", NONE),
    ("LIST of the target", "source", "GET", "", LIST),
    ("HEAD of an object", "source", "HEAD", "", ""),
    ("PUT of an object", "source", "PUT", "", NONE),
    ("POST that begins an upload", "source", "POST", "", "uploads"),
    ("PUT of a part", "source", "PUT", "", "partNumber"),
    ("POST that completes an upload", "source", "POST", "", "uploadId"),
    ("DELETE of what is too much", "source", "DELETE", "", NONE),
]

# --- faults: name, what the proxy does, whether one of them is survived

ERROR = "<?xml version='1.0'?><Error><Code>%s</Code><Message>m</Message></Error>"


def status(code, error="", **headers):
    return {"do": "status", "code": code, "headers": headers,
            "body": ERROR % error if error else ""}


def page(keys, token):
    return ("<ListBucketResult><IsTruncated>true</IsTruncated>"
            "<NextContinuationToken>%s</NextContinuationToken>%s"
            "</ListBucketResult>" % (token, "".join(
                "<Contents><Key>%s</Key><LastModified>2026-11-20T16:28:00.000Z"
                "</LastModified><ETag>\"0\"</ETag><Size>1</Size></Contents>"
                % k for k in keys)))


def prefix_of(query):
    return re.search("prefix=([^&]*)", query).group(1)


def reverse(body):
    """The entries of a page the other way round."""
    entries = re.findall(b"<Contents>.*?</Contents>", body, re.S)
    for n, entry in enumerate(entries):
        body = body.replace(entry, b"{%d}" % n, 1)
    for n, entry in enumerate(reversed(entries)):
        body = body.replace(b"{%d}" % n, entry, 1)
    return body


TOKEN = itertools.count()
XML = "list|upload"
FAULTS = [
    ("500", status(500, "InternalError"), True, ""),
    ("502 without a word", status(502), True, ""),
    ("503 SlowDown", status(503, "SlowDown"), True, ""),
    ("429", status(429, "TooManyRequests"), True, ""),
    ("429 with Retry-After", status(429, "TooManyRequests",
                                    **{"Retry-After": "7"}), True, ""),
    ("a reset", {"do": "reset"}, True, ""),
    ("a reset behind the headers", {"do": "headers"}, True, ""),
    ("half of the body", {"do": "truncate"}, True, "GET"),
    ("more than was announced", {"do": "excess"}, False, ""),
    ("a longer body", {"do": "longer"}, False, "GET|POST"),
    ("a byte a second", {"do": "trickle", "bytes": 40, "seconds": 1 / 60},
     True, ""),
    ("silence", {"do": "silent"}, True, ""),
    ("a lost answer", {"do": "lose"}, True, ""),
    ("an error inside of 200", status(200, "InternalError"), False, ""),
    ("nothing inside of 200", status(200), False, ""),
    ("no ETag", {"do": "header", "headers": {"etag": None}}, False, ""),
    ("the same page", {"do": "status", "code": 200, "body": lambda q: page(
        [prefix_of(q) + "a"], "again")}, False, "LIST"),
    ("empty pages", {"do": "status", "code": 200, "body": lambda q: page(
        [], "t%d" % next(TOKEN))}, False, "LIST"),
    ("pages out of order", {"do": "edit", "edit": reverse}, False, "LIST"),
]
# what a retry cannot help, and what is none of the request's business
HARMLESS = "more than was announced|a byte a second"


def fits(kind, fault):
    name, _, method, _, query = kind
    only = fault[3]
    if only == "LIST":
        return name.startswith("LIST")
    return re.search(only, method) is not None


def xml(kind):
    return kind[0].startswith("LIST") or kind[2] == "POST"


def survived(kind, fault, for_ever):
    """Must the command pass?"""
    name, _, once, _ = fault
    if re.search(HARMLESS, name):
        return True
    if for_ever:
        return False
    # an error or nothing in place of XML is tried again
    return once or (xml(kind) and "inside of 200" in name)


def rule_of(kind, fault, for_ever):
    _, side, method, path, query = kind
    rule = dict(fault[1], side=side, method="^%s$" % method, path=path,
                query=query)
    if not for_ever:
        rule["times"] = 1
    return rule


def cases(kinds, one):
    offset = 0
    for for_ever in (False, True):
        for i, kind in enumerate(kinds):
            for j, fault in enumerate(FAULTS):
                if not fits(kind, fault) or (i + j + offset) % EVERY:
                    continue
                yield ("%s: %s %s" % (kind[0], fault[0], "for ever" if for_ever
                                      else "once"), one, kind, fault, for_ever)
        offset += 2


def judge(r, world, kind, fault, for_ever):
    """What holds for any command; True: it says that all is well."""
    want(world.orders.hits > 0, "no such request")
    want(r.status in (0, 1, 3), r)
    if r.status:
        want(re.search("error: .{12}|warning: .{12}", r.err), "no words:", r)
        want(not survived(kind, fault, for_ever), "not survived:", r)
    want(not re.search(r"\(nil\)|\(null\)", r.err), r)
    return r.status == 0


# --- the two commands

def cleanly(world, base, one):
    """one, and what it leaves where it fails is put right for the next."""
    def guarded(*case):
        fine = False
        try:
            one(*case)
            fine = True
        finally:
            world.orders.obey(None)
            world.forget(base)
            if not fine:
                world.put_back()
    return guarded


def creates():
    world = World("net-create")
    world.create()
    base = world.keys()
    world.put_small(0, "new")
    world.put_small(3, "new")
    world.source.put(world.bucket, b"models/large.bin",
                     s3.pseudo("new", 9 << 20))
    world.remember()
    good = world.picture()

    def one(kind, fault, for_ever):
        world.orders.obey(rule_of(kind, fault, for_ever))
        r = world.run("create", "--json", fast=True)
        fine = judge(r, world, kind, fault, for_ever)
        world.orders.obey(None)
        sets = world.honest()
        if fine:
            made = json.loads(r.out)["backup-id"]
            want(sets[made] == "finished", sets)
            world.harm()
            world.restored(made, good)
        elif r.status == 3:
            want("incomplete" in sets.values(), sets)

    return cases(CREATE, cleanly(world, base, one))


def restores():
    world = World("net-restore")
    made, good = world.create(), world.picture()
    base = world.keys()
    world.remember()

    def surplus():
        world.harm()
        world.put_small(9, "surplus")

    surplus()
    known = set(world.picture()) | set(good)

    def one(kind, fault, for_ever):
        surplus()
        world.orders.obey(rule_of(kind, fault, for_ever))
        r = world.run("restore", made, "--exact", fast=True)
        fine = judge(r, world, kind, fault, for_ever)
        world.orders.obey(None)
        now = world.picture()
        for line in now:
            want(line in known, "neither old nor new:", line)
        if fine:
            want(now == good, "not what was saved")
        else:
            world.restored(made, good, "--exact")

    return cases(RESTORE, cleanly(world, base, one))


if sys.argv[1] == "create":
    tests.group("makes sets that restore, whatever the wire does", creates())
else:
    tests.group("restores what was saved, whatever the wire does", restores())
tests.done()
