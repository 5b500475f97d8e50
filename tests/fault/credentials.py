"""Keys that expire, are taken away or replaced, and clocks that are wrong,
while the program runs."""
import json
import os
import random
import string
import subprocess
import sys

from kit import RUN_DIR, Tests, World, field, want

ERROR = "<Error><Code>%s</Code><Message>m</Message></Error>"
tests = Tests(sys.argv[1])


def refuses(side, code, after):
    return {"side": side, "do": "status", "code": 403, "skip": after,
            "headers": {"content-type": "application/xml"},
            "body": ERROR % code}


def expired():
    """From the k-th request on, at a bucket, the token is no longer valid."""
    world = World("expired", large=0)
    first, good = world.create(), world.picture()
    base = world.keys()

    def create(side, k):
        world.orders.obey(refuses(side, "ExpiredToken", k))
        r = world.run("create", "--full")
        struck = world.orders.struck
        world.orders.obey(None)
        sets = world.honest()
        if struck:
            # what comes last of a run may be refused, and all is well
            want(r.status in (0, 1, 3), r)
            want(r.status == 0 or "expired" in r.err, r)
            want(r.status != 0 or list(sets.values()).count("finished") == 2,
                 "exit status 0, and no set")
        world.create()
        world.forget(base)
        if k % 5 == 0:
            world.restored(first, good)

    def restore(side, k):
        world.harm()
        world.orders.obey(refuses(side, "ExpiredToken", k))
        r = world.run("restore", first)
        struck = world.orders.struck
        world.orders.obey(None)
        if struck:
            want(r.status == 1 and "expired" in r.err, r)
        world.restored(first, good)

    for name, one, step in (("create", create, 2), ("restore", restore, 3)):
        for side in ("repo", "source"):
            for k in range(0, 18, step):
                yield ("%s, the token of %s expires after %d requests" %
                       (name, side, k), one, side, k)


def admin(*args):
    subprocess.run(["radosgw-admin", "-c", os.path.join(
        RUN_DIR, "repo", "ceph.conf"), "-n", "client.rgw.a", *args],
        check=True, capture_output=True, timeout=60)


def word(n):
    return "".join(random.choices(string.ascii_letters + string.digits, k=n))


class Keys:
    """Of a user of its own at the repository, in files."""

    def __init__(self, world):
        self.world, self.user = world, "u" + word(8).lower()
        self.number = 0
        admin("user", "create", "--uid=" + self.user, "--display-name=x")
        self.new()
        self.store()

    def new(self):
        self.access, self.secret = "AK" + word(18), word(40)
        admin("key", "create", "--uid=" + self.user, "--key-type=s3",
              "--access-key=" + self.access, "--secret=" + self.secret)

    def store(self):
        for name, text in (("access", self.access), ("secret", self.secret)):
            path = self.world.path(name + "-key")
            with open(path + ".new", "w", encoding="utf-8") as f:
                f.write(text + "\n")
            os.chmod(path + ".new", 0o600)
            os.replace(path + ".new", path)

    def rotate(self, store=True):
        old = self.access
        self.new()
        if store:
            self.store()
        admin("key", "rm", "--uid=" + self.user, "--key-type=s3",
              "--access-key=" + old)

    def lines(self):
        return ["access-key-file: " + self.world.path("access-key"),
                "secret-key-file: " + self.world.path("secret-key")]


def rotated():
    """Other keys come into their files, and the old ones are gone."""
    world = World("rotated", large=0)
    keys = Keys(world)
    world.repo.access, world.repo.secret = keys.access, keys.secret
    world.configure(keys={"repo": keys.lines()})

    def judge_with_new_keys():
        world.repo.access, world.repo.secret = keys.access, keys.secret

    def rotate_in(k, rotate, *args):
        """Before the answer to the k-th request."""
        world.orders.obey({"side": "repo", "skip": k, "times": 1,
                           "do": "lose", "call": rotate})
        r = world.run(*args)
        want(world.orders.struck, "not so many requests:", k, args)
        world.orders.obey(None)
        judge_with_new_keys()
        return r

    def create(k):
        r = rotate_in(k, keys.rotate, "create", "--full", "--json")
        want(r.status == 0, r)
        made = json.loads(r.out)["backup-id"]
        want(world.honest()[made] == "finished", "the set is not whole")

    def restore(k):
        good = world.picture()
        made = world.create()
        world.harm_small()
        r = rotate_in(k, keys.rotate, "restore", made)
        want(r.status == 0, r)
        want(world.picture() == good, "not what was saved")

    def late(k):
        """The files have the new keys only when the run is over."""
        r = rotate_in(k, lambda: keys.rotate(store=False), "create", "--full")
        keys.store()
        want(r.status in (1, 3), r)
        want("access-key" in r.err, "does not say which key:", r)
        world.honest()
        made = world.create()
        want(world.honest()[made] == "finished", "the next set is not whole")

    for name, one, points in (("create", create, (1, 6, 12)),
                              ("restore", restore, (2, 5)),
                              ("late", late, (3, 9))):
        for k in points:
            yield "%s, rotated after %d requests" % (name, k), one, k


def clocks():
    world = World("clock", large=0)
    good = world.picture()

    def one(by):
        env = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        for args in (["create"], ["list"], ["restore", "latest"]):
            if args[0] == "restore":
                world.harm()
            command = ["faketime", "-f", by] + world.command(*args)
            r = subprocess.run(command, env=dict(os.environ, **env),
                               capture_output=True, text=True, timeout=100)
            want(r.returncode == 0, by, args, r.stderr)
        want(world.picture() == good, "not what was saved")

    for by in ("+16m", "-16m", "+14m", "-14m"):
        yield "a clock that is off by " + by, one, by


tests.group("a token that expires is said, and harms nothing", expired())
if field("repo", "kind") == "radosgw":
    tests.group("keys that are rotated in their files are read again",
                rotated())
tests.group("works with a clock at the limit of what servers take", clocks())
tests.done()
