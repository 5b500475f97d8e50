"""SIGKILL at every request that the program sends, just before the server
gets it and just before the program gets the answer."""
import itertools
import sys

from kit import Tests, World, want

tests = Tests(sys.argv[1])


def killed(world, moment, k, *args):
    """It was, at its k-th request.  What only reads leaves the same behind it
    as before it: "after" counts what writes."""
    rule = {"skip": k - 1, "times": 1, "call": world.kill, "do": "reset"}
    if moment == "after":
        rule.update(do="lose", method="PUT|POST|DELETE")
    world.orders.obey(rule)
    r = world.run(*args)
    struck = world.orders.struck
    world.orders.obey(None)
    want(r.status == (-9 if struck else 0), *args, r)
    return struck


def each_moment(world, sentence, one):
    """Cases for k = 1, 2, ... until the program came to its end."""
    for moment in ("before", "after"):
        for k in itertools.count(1):
            case = Case(world, moment, k)
            yield "%s, %s request %d" % (sentence, moment, k), one, case
            if not case.struck:
                break


class Case:
    def __init__(self, world, moment, k):
        self.world, self.moment, self.k = world, moment, k
        self.struck = False

    def kill(self, *args):
        self.struck = killed(self.world, self.moment, self.k, *args)


def change(world, n):
    """So that a set has something new in all shapes."""
    world.put_small(3, "changed%d" % n)
    world.put_small(7, "new%d" % n)
    world.source.multipart(world.bucket, b"models/large.bin", [
        bytes([n % 251]) * (5 << 20), world.large_end])


def new_world(name):
    world = World(name)
    world.large_end = world.source.request(
        "GET", world.bucket, b"models/large.bin")[1][5 << 20:]
    return world


def first_creates():
    """Into a repository that is not there."""
    world = World("kill-first", large=0)
    world.create()

    def one(case):
        world.platform = "%s-%d" % (case.moment, case.k)
        world.configure()
        case.kill("create")
        sets = world.honest()
        world.create()
        want(len(world.honest()) == len(sets) + 1, "a set is missing")

    return each_moment(world, "first create", one)


def creates():
    world = new_world("kill-create")
    first, good = world.create(), world.picture()
    base = world.keys()

    def one(case):
        change(world, case.k)
        now = world.picture()
        case.kill("create")
        sets = world.honest()
        want(sets[first] == "finished", "the earlier set is lost")
        made = world.create()
        want(world.honest()[made] == "finished", "the next set is not whole")
        if case.k % 5 == 0:
            world.harm()
            world.restored(made, now)
            world.restored(first, good, "--exact")
        world.forget(base)

    return each_moment(world, "create", one)


def old_or_new(world, old, good):
    """Nothing of the target is a mixture."""
    known = set(old) | set(good)
    for line in world.picture():
        want(line in known, "neither old nor new:", line)


def restores():
    world = new_world("kill-restore")
    made, good = world.create(), world.picture()
    base = world.keys()
    world.harm()
    old = world.picture()
    world.restored(made, good)

    def one(case):
        world.harm()
        case.kill("restore", made)
        old_or_new(world, old, good)
        want(world.keys() == base, "a restore has changed the repository")
        world.restored(made, good)

    return each_moment(world, "restore", one)


def three_sets(name):
    """The first of which the others need, and which is one too many."""
    world = World(name, large=0)
    world.more = ["retention:", "  keep-last: 2"]
    world.configure()
    world.sets = []
    for n in range(3):
        change_small(world, n)
        world.sets.append(world.create())
    world.good = world.picture()
    world.remember_repo()
    return world


def change_small(world, n):
    for i in (n, 5 + n):
        world.put_small(i, "set%d" % n)


def deletions(sentence, *args):
    world = three_sets("kill-" + args[0])
    first, rest = world.sets[0], world.sets[1:]

    def all_is_well(sets):
        for name in rest:
            want(sets.get(name) == "finished", name, "is lost:", sets)

    def one(case):
        case.kill(*[first if a == "FIRST" else a for a in args])
        all_is_well(world.honest())
        world.must("prune", "--now")
        sets = world.honest()
        all_is_well(sets)
        want(first not in sets, "the set that was to go is still there")
        needed = world.needed()
        left = [n for n in world.keys()
                if "sets/" + first in n and n not in needed]
        want(not left, "files that nobody needs are left:", left)
        if case.k % 3 == 0:
            world.harm_small()
            world.restored(rest[-1], world.good, "--exact")
        world.put_back_repo()

    return each_moment(world, sentence, one)


tests.group("survives SIGKILL at each request of the first create",
            first_creates())
tests.group("survives SIGKILL at each request of a create", creates())
tests.group("survives SIGKILL at each request of a restore", restores())
tests.group("survives SIGKILL at each request of a delete",
            deletions("delete", "delete", "FIRST", "--now"))
tests.group("survives SIGKILL at each request of a prune",
            deletions("prune", "prune", "--now"))
tests.done()
