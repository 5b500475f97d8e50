"""Disks, quotas and buckets that are full: said, and nothing is half there."""
import os
import re
import resource
import subprocess
import sys

from kit import Result, Tests, World, want

tests = Tests(sys.argv[1])
ERROR = "<Error><Code>%s</Code><Message>m</Message></Error>"
FULL = "full|No space left|File too large|quota|Quota|needs .* free|room"


def judge(world, r, *args):
    want(r.status in (1, 3), "passed, or worse:", *args, r)
    want(re.search(FULL, r.err), "does not say that it is full:", r)


def limited(world, size, *args):
    """No file may become longer than size."""
    def child():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    r = subprocess.run(world.command(*args), preexec_fn=child, text=True,
                       capture_output=True, timeout=100)
    return Result(r.returncode, r.stdout, r.stderr)


def file_size_limit():
    world = World("fsize", kind="dir", objects=3, large=(1 << 20) + 4096)
    first, good = world.create(), world.picture()
    base = world.keys()
    world.remember()

    def create(size):
        r = limited(world, size, "create", "--full")
        judge(world, r, size)
        want(world.honest()[first] == "finished", "the earlier set is lost")
        made = world.create("--full")
        want(world.honest()[made] == "finished", "the next set is not whole")
        world.forget(base)

    def restore(size):
        world.put_back()
        world.harm()
        old = world.rows()
        r = limited(world, size, "restore", first)
        judge(world, r, size)
        want(world.rows() in (old, good[-1:]), "neither old nor new")
        world.restored(first, good)

    for size in (0, 100, 3000, 12000, 500000):
        yield "create, files of %d bytes" % size, create, size
    for size in (0, 4096, 8192):
        yield "restore, files of %d bytes" % size, restore, size


class Small:
    """A file system of so many KiB in place of a folder."""

    def __init__(self, path, kib):
        self.path, self.kib = path, kib

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk,mode=700" %
                        self.kib, "tmpfs", self.path], check=True,
                       capture_output=True)
        return self

    def __exit__(self, *what):
        subprocess.run(["umount", "-l", self.path], check=False,
                       capture_output=True)


def may_mount():
    try:
        with Small(os.path.join(os.environ["RUN_DIR"], "mount-try"), 64):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def small_disks():
    world = World("disk", kind="dir", objects=3, large=(1 << 20) + 4096)

    def repository(kib):
        with Small(world.path("repository"), kib):
            r = world.run("create")
            judge(world, r, kib)
            world.honest()
            r = world.run("create")
            want(r.status in (1, 3), "a second time:", r)
            world.honest()
        world.create()
        world.honest()

    def scratch(kib):
        with Small(world.path("scratch"), kib):
            r = world.run("create")
            judge(world, r, kib)
            want(not os.listdir(world.path("scratch")), "left in scratch")
        world.honest()

    for kib in (8, 24, 64, 400, 1064):
        yield "a repository on a disk of %d KiB" % kib, repository, kib
    for kib in (4, 12):
        yield "copies on a disk of %d KiB" % kib, scratch, kib


def full_targets():
    """A restore into a bucket that is full."""
    world = World("target", large=9 << 20)
    made, good = world.create(), world.picture()
    world.harm()
    known = set(world.picture()) | set(good)
    world.restored(made, good)

    def one(code, status):
        world.harm()
        world.orders.obey({"side": "source", "method": "PUT", "do": "status",
                           "code": status, "body": ERROR % code})
        r = world.run("restore", made, fast=True)
        world.orders.obey(None)
        want(r.status == 1, r)
        want(re.search(FULL, r.err), "does not say that it is full:", r)
        for line in world.picture():
            want(line in known, "neither old nor new:", line)
        want(not list(world.source.uploads(world.bucket)), "an upload is left")
        world.restored(made, good)

    for code, status in (("QuotaExceeded", 403), ("XMinioStorageFull", 507),
                         ("InsufficientCapacity", 507),
                         ("XMinioAdminBucketQuotaExceeded", 400)):
        yield "restore, %d %s" % (status, code), one, code, status


tests.group("a limit of files is said, and harms nothing", file_size_limit())
tests.group("a full bucket is said, and harms nothing", full_targets())
if may_mount():
    tests.group("a full disk is said, and harms nothing", small_disks())
else:
    print("skipped: no file system may be mounted here")
tests.done()
