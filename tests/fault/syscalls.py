"""A repository in a folder, scratch copies and the live database: at each
system call that changes a file the program is killed, or the call fails.

syscalls.py kill|fail.
"""
import errno
import itertools
import os
import re
import sys

from kit import Tests, World, want

tests = Tests(sys.argv[2])


def new_world(name):
    world = World(name, kind="dir", objects=3, large=(1 << 20) + 4096)
    world.first, world.good = world.create(), world.picture()
    world.base = world.keys()
    world.remember()
    return world


class Case:
    """The k-th call: killed before or in the middle of it, or it fails."""

    def __init__(self, world, do, k, folders):
        self.world, self.do, self.k, self.folders = world, do, k, folders
        self.struck, self.call, self.calls = False, "", []

    def run(self, *args):
        w = self.world
        w.calls()
        r = w.run(*args, env=w.system_calls(self.do, self.k, *self.folders))
        self.calls = w.calls()
        self.struck = 0 < self.k <= len(self.calls)
        self.call = self.calls[self.k - 1] if self.struck else ""
        if self.struck and not isinstance(self.do, int):
            want(r.status == -9, "it was not killed at", self.call, r)
        return r


def alike(calls, k):
    """In a row of the same call on the same file, neither first nor last."""
    name = [c.split(" ", 1)[1] for c in calls[max(0, k - 2):k + 1]]
    return len(name) == 3 and len(set(name)) == 1


def each(world, sentence, one, dos, folders):
    """Cases for k = 1, 2, ... of the calls of an undisturbed run; where a run
    has more of them they come as well."""
    plan = Case(world, 0, 0, folders)
    one(plan)
    for do in dos:
        name = errno.errorcode[do] if isinstance(do, int) else do
        for k in itertools.count(1):
            call = plan.calls[k - 1] if k <= len(plan.calls) else ""
            if alike(plan.calls, k) or (do == "torn" and call and
                                        "write" not in call):
                continue
            case = Case(world, do, k, folders)
            yield "%s, %s at call %d" % (sentence, name, k), one, case
            if not case.struck:
                break


def tidy(world):
    left = [n for n in os.listdir(world.path("scratch"))]
    want(not left, "left in scratch:", left)


def after_create(world):
    """Whatever happened, all is well and the next set needs no help."""
    sets = world.honest()
    want(sets[world.first] == "finished", "the earlier set is lost")
    made = world.create("--full")
    want(world.honest()[made] == "finished", "the next set is not whole")
    tidy(world)


def killed_create():
    world = new_world("call-kill-create")

    def one(case):
        world.forget(world.base)
        r = case.run("create", "--full")
        want(r.status in (-9, 0), r)
        after_create(world)

    return each(world, "create", one, ("kill", "torn"),
                ("repository", "scratch"))


def restore_is_whole(world, good):
    world.restored(world.first, good)
    tidy(world)


def rows_of(picture):
    return [line for line in picture if line.startswith("rows")]


def killed_restore():
    world = new_world("call-kill-restore")
    world.harm()
    old = rows_of(world.picture())
    new = rows_of(world.good)

    def one(case):
        world.put_back()
        world.harm()
        r = case.run("restore", world.first)
        want(r.status in (-9, 0), r)
        want(world.rows() in (old, new), "neither old nor new, at", case.call)
        restore_is_whole(world, world.good)

    return each(world, "restore", one, ("kill", "torn"), ("scratch", "a.db"))


def says_what(case, r):
    """The error names a file, or whose it was, and what the system said."""
    words = [os.strerror(case.do), "is full"]
    if re.search(" open .*(db|journal|copy)$", case.call):
        # where it may not write, SQLite tries to read, and says that alone
        words += ["readonly database", "unable to open database file"]
    want(any(word in r.err for word in words), "does not say", words[0], "at",
         case.call, r)


def failed_create():
    world = new_world("call-fail-create")

    def one(case):
        world.forget(world.base)
        r = case.run("create", "--full", "--json")
        sets = world.honest()
        if r.status == 0:
            want(len(sets) == 2 and set(sets.values()) == {"finished"}, sets)
        else:
            want(r.status in (1, 3), case.call, r)
            says_what(case, r)
        if "unlink" not in case.call:
            tidy(world)
        if case.k % 4 == 0 or "unlink" in case.call:
            after_create(world)

    return each(world, "create", one, (errno.ENOSPC, errno.EIO),
                ("repository", "scratch"))


def failed_restore():
    world = new_world("call-fail-restore")
    world.harm()
    old = rows_of(world.picture())
    new = rows_of(world.good)

    def one(case):
        world.put_back()
        world.harm()
        r = case.run("restore", world.first)
        if r.status == 0:
            want(world.picture() == world.good, "not what was saved", case.call)
        else:
            want(r.status == 1, case.call, r)
            says_what(case, r)
            want(world.rows() in (old, new), "neither old nor new", case.call)
        if "unlink" not in case.call:
            tidy(world)
        if case.k % 4 == 0 or "unlink" in case.call:
            restore_is_whole(world, world.good)

    return each(world, "restore", one, (errno.ENOSPC, errno.EIO),
                ("scratch", "a.db"))


if sys.argv[1] == "kill":
    tests.group("survives SIGKILL at each change of a file of a create",
                killed_create())
    tests.group("survives SIGKILL at each change of a file of a restore",
                killed_restore())
else:
    tests.group("a create survives each change of a file that fails",
                failed_create())
    tests.group("a restore survives each change of a file that fails",
                failed_restore())
tests.done()
