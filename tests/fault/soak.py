"""Random life of one repository, against a model of what must be in it.

soak.py SCRIPT.  SOAK_TIME: seconds (default 60).  SOAK_SEED: to repeat a run.
A create, a kill, a restore, a verification, a drill, a deletion, a change of
the platform, one after the other by chance; after each, every set of the model
is whole and listed as finished, and what is restored is what was saved.
"""
import collections
import json
import os
import random
import sqlite3
import sys
import time

from kit import Tests, World, s3, want

SECONDS = int(os.environ.get("SOAK_TIME", "60"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(
    1, 1 << 32)
SETS_MAX = 40


class Soak:
    def __init__(self, kind, life):
        self.random = random.Random("%d-%s-%d" % (SEED, kind, life))
        self.world = World("soak-%s-%d" % (kind, life), kind)
        self.world.more = ["retention:", "  keep-last: 1000"]
        self.world.configure()
        self.sets = {}  # backup id: the picture that it must give back
        self.did = collections.Counter()
        self.last = "nothing"
        self.create()

    # --- the platform changes

    def change(self):
        r, w = self.random, self.world
        for _ in range(r.randrange(1, 6)):
            i, what = r.randrange(30), r.random()
            if what < 0.2:
                w.source.request("DELETE", w.bucket,
                                 b"runs/%03d/log.txt" % i)
            elif what < 0.3:
                w.source.put(w.bucket, b"models/%d.bin" % (i % 4), s3.pseudo(
                    r.random(), r.randrange(1 << 20, 10 << 20)))
            else:
                w.put_small(i, str(r.random()))
        db = sqlite3.connect(w.path("a.db"))
        with db:
            db.execute("insert into t(note) values (?)", [str(r.random())])
            db.execute("delete from t where id % 17 = ?", [r.randrange(17)])
        db.close()

    # --- what the program does

    def create(self):
        args = ["--full"] if self.random.random() < 0.2 else []
        made = self.world.create(*args)
        self.sets[made] = self.world.picture()

    def kill_somewhere(self, most, *args):
        """At a request, by chance; its status."""
        w = self.world
        w.orders.obey({"skip": self.random.randrange(most), "times": 1,
                       "call": w.kill,
                       "do": self.random.choice(["reset", "lose"])})
        r = w.run(*args)
        w.orders.obey(None)
        want(r.status in (0, -9), *args, r)
        return r

    def killed_create(self):
        picture = self.world.picture()
        r = self.kill_somewhere(40, "create", "--json")
        if r.status == 0:
            self.sets[json.loads(r.out)["backup-id"]] = picture

    def stumbling_create(self):
        """Answers are lost and requests refused, now and then."""
        w, picture = self.world, self.world.picture()
        w.orders.obey(Stumble(self.random))
        r = w.run("create", "--json", fast=True)
        w.orders.obey(None)
        want(r.status in (0, 1, 3), r)
        if r.status == 0:
            self.sets[json.loads(r.out)["backup-id"]] = picture

    def any_set(self):
        return self.random.choice(sorted(self.sets))

    def restore(self):
        name = self.any_set()
        self.world.restored(name, self.sets[name], "--exact")

    def killed_restore(self):
        name = self.any_set()
        self.kill_somewhere(50, "restore", name, "--exact")
        self.world.restored(name, self.sets[name], "--exact")

    def verify(self):
        self.world.must("verify", self.any_set(), "--read")

    def drill(self):
        self.world.must("drill", self.any_set())

    def check(self):
        self.world.must("check")

    def delete(self):
        """Any but the newest, of which the program lets nobody go."""
        if len(self.sets) > 2:
            name = self.random.choice(sorted(self.sets)[:-1])
            del self.sets[name]
            self.world.must("delete", name, *self.now())

    def killed_delete(self):
        if len(self.sets) > 2:
            name = self.random.choice(sorted(self.sets)[:-1])
            del self.sets[name]
            self.kill_somewhere(20, "delete", name, *self.now())

    def now(self):
        return self.random.choice([["--now"], []])

    def prune(self):
        """Nothing but what was marked goes: the rule keeps all."""
        self.world.must("prune", *self.now())

    def killed_prune(self):
        self.kill_somewhere(30, "prune", *self.now())

    # --- the model

    def agree(self):
        there = self.world.honest()
        for name in self.sets:
            want(there.get(name) == "finished", name, "is lost:",
                 there.get(name))

    def step(self):
        actions = [(self.change, 6), (self.create, 4), (self.killed_create, 4),
                   (self.stumbling_create, 2), (self.restore, 3),
                   (self.killed_restore, 2), (self.verify, 1),
                   (self.drill, 1), (self.check, 1), (self.delete, 2),
                   (self.killed_delete, 1), (self.prune, 1),
                   (self.killed_prune, 1)]
        what = self.random.choices([a for a, _ in actions],
                                   [n for _, n in actions])[0]
        self.last = what.__name__
        self.did[self.last] += 1
        what()
        self.agree()

    def run(self, until):
        while time.monotonic() < until and len(self.sets) < SETS_MAX:
            self.step()


class Stumble(dict):
    """A rule of the proxies that strikes one request in twelve."""

    def __init__(self, chance):
        super().__init__(do="reset")
        self.chance = random.Random(chance.random())

    def get(self, name, default=None):
        if name == "times":
            return 1 << 60 if self.chance.random() < 1 / 12 else 0
        if name == "do":
            return self.chance.choice(["reset", "lose", "headers"])
        return super().get(name, default)


def one(kind, life, until):
    soak = Soak(kind, life)
    try:
        soak.run(until)
    except Exception:
        print("at: %s, after %s" % (soak.last, dict(soak.did)))
        raise
    soak.world.destroy()
    print("ok - %s: a life in a repository of kind %s: %d sets, %s" % (
        tests.script, kind, len(soak.sets), dict(soak.did)))


tests = Tests(sys.argv[1])
print("soak: SOAK_SEED=%d, %d s" % (SEED, SECONDS))
end = time.monotonic() + SECONDS
lives = 0
while time.monotonic() < end:
    for kind in ("s3", "dir"):
        half = time.monotonic() + min(end - time.monotonic(),
                                      max(SECONDS / 2, 1))
        if half > time.monotonic() and not tests.it(
                "a random life in a repository of kind " + kind, one, kind,
                lives, half):
            tests.done()
    lives += 1
tests.done()
