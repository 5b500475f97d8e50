"""Files of a repository that are gone, cut, changed, in each other's place, or
of an older day: verify and restore name them, and nothing of their data
reaches what is restored."""
import os
import sys

from kit import Tests, World, want

tests = Tests(sys.argv[1])


def flipped(body):
    at = len(body) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


# By what is there, what stands in a good file of another name, and what stood
# under this name in the set before.
MANNERS = {
    "gone": lambda is_, other, older: None,
    "cut": lambda is_, other, older: is_[:-7],
    "flipped": lambda is_, other, older: flipped(is_),
    "swapped": lambda is_, other, older: other,
    "replayed": lambda is_, other, older: older,
    "empty": lambda is_, other, older: b"",
    "longer": lambda is_, other, older: is_ + b"more\n",
}
# Those of each file; empty and longer ones are seen as cut ones are.
FEW = ["gone", "cut", "flipped", "swapped", "replayed"]


class Life:
    """Three sets: two full ones with nothing in common, and one that is built
    on the second."""

    def __init__(self, kind):
        self.world = world = World("damaged-" + kind, kind, objects=6,
                                   large=2 << 20)
        self.sets = [world.create()]
        for i in range(6):
            world.put_small(i, "second")
        world.source.put(world.bucket, b"models/large.bin",
                         os.urandom(2 << 20))
        world.harm_rows()
        self.sets.append(world.create("--full"))
        world.put_small(3, "third")
        world.harm_rows()
        self.sets.append(world.create())
        self.good = world.picture()
        keys = world.keys()
        self.folders = [next(k.rpartition("/")[0] for k in keys
                             if name in k and k.endswith("/manifest.json"))
                        for name in self.sets]
        self.needed = world.needed(self.folders[2])
        world.harm_rows()
        self.rows = world.rows()[0]

    def named(self, n, ending):
        """A file of the n-th set whose name has this; of several packs, one
        that the last set needs."""
        found = sorted(k for k in self.world.keys()
                       if k.startswith(self.folders[n] + "/") and ending in k)
        want(found, ending, "is not in set", n + 1)
        return next((k for k in found if k in self.needed), found[0])

    def look(self, command, name):
        """It fails, and says of which file."""
        r = self.world.run(*command)
        # without a manifest there is no set to be asked for
        want(r.status == (1 if name else 2), command, r)
        want(not name or name in r.out + r.err, command, "does not name",
             name, r)

    def only_good_data(self):
        *objects, rows = self.world.picture()
        for line in objects:
            want(line in self.good, "not what was saved:", line[:300])
        want(rows in (self.rows, self.good[-1]), "rows that nobody saved")

    def hurt(self, path, body, said):
        world, kept = self.world, self.world.read(path)
        want(body != kept, "the file would be as before")
        world.empty_source()
        try:
            if body is None:
                world.remove(path)
            else:
                world.write(path, body)
            self.look(["verify", self.sets[2], "--read"], said)
            self.look(["restore", self.sets[2]], said)
            self.only_good_data()
        finally:
            world.write(path, kept)

    def cases(self):
        # of the last set, and what it needs of the one before
        for n, ending, other in (
                (2, "mlmd.sqlite", "mlpipeline.inventory"),
                (2, "mlpipeline.inventory", "mlmd.sqlite"),
                (2, "pack-", "mlpipeline.inventory"),
                (1, "pack-", "object-"),
                (1, "object-", "pack-"),
                (2, "manifest.json", "RESTORE.md")):
            path = self.named(n, ending)
            bodies = [self.world.read(self.named(*which)) for which in (
                (n, ending), (n, other), (n - 1, ending))]
            name = os.path.basename(path)
            for manner in MANNERS if ending == "manifest.json" else FEW:
                said = None if (ending, manner) == (
                    "manifest.json", "gone") else name
                yield ("%s of set %d that is %s" % (name, n + 1, manner),
                       self.hurt, path, MANNERS[manner](*bodies), said)

    def whole_again(self):
        """The judge has harmed nothing for good."""
        self.world.must("verify", "--all", "--read")
        self.world.restored(self.sets[2], self.good)


for kind, words in (("s3", "a bucket"), ("dir", "a folder")):
    life = Life(kind)
    tests.group("damaged files in %s are named, and not used" % words,
                life.cases())
    tests.it("what was put right in %s is right" % words, life.whole_again)
tests.done()
