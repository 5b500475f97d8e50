"""kit.py - what the fault tests stand on: a small platform (a bucket and a
database), a repository whose state can be taken back, proxies that do as they
are told, and a judge of repositories that shares no code with the program.

A script is run by tests/integration/run, which has started the servers in
RUN_DIR.  A test is a function given to Tests.it(); it fails by an exception.
"""
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
sys.dont_write_bytecode = True
import proxy  # noqa: E402
import s3  # noqa: E402

RUN_DIR = os.environ["RUN_DIR"]
PB = os.environ.get("PB", os.path.join(TOP, "bin", "platform-backup"))
CI = os.environ.get("CI") == "true"
MATCH = os.environ.get("MATCH", "")
# What a proxy may see last: the run ends long before.
PATIENCE = 300


class Failed(Exception):
    pass


def want(true, *what):
    if not true:
        raise Failed(" ".join(str(w) for w in what))


def field(server, name):
    with open(os.path.join(RUN_DIR, server, name + ".txt"),
              encoding="utf-8") as f:
        return f.read().strip()


def client(server):
    return s3.Client(field(server, "endpoint"), field(server, "access"),
                     field(server, "secret"))


class Tests:
    """Counts; done() is the last line and the exit status."""

    def __init__(self, script):
        self.script = os.path.basename(script).rsplit(".", 1)[0]
        self.passed = self.failed = 0
        self.begun = time.monotonic()

    def it(self, sentence, function, *args):
        if MATCH not in sentence:
            return True
        try:
            function(*args)
        except Exception:  # whatever it is, this test has failed
            self.failed += 1
            print("FAILED - %s: %s" % (self.script, sentence))
            for line in traceback.format_exc().splitlines()[-12:]:
                print("    " + line[:600])
            sys.stdout.flush()
            return False
        self.passed += 1
        return True

    def group(self, sentence, cases):
        """Many cases of one sentence, told in one line."""
        before, failed = self.passed, self.failed
        for case in cases:
            self.it(*case)
        if self.failed == failed and self.passed > before:
            print("ok - %s: %s (%d cases)" % (self.script, sentence,
                                             self.passed - before))
            sys.stdout.flush()

    def done(self):
        print("%s: %d s" % (self.script, time.monotonic() - self.begun))
        print("%d passed, %d failed" % (self.passed, self.failed))
        sys.exit(self.failed > 0)


# --- proxies

class Orders:
    """What the proxies of one test do; find() is called for each request."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count, self.seen, self.rule = 0, [], None
        self.hits, self.struck = 0, False

    def obey(self, rule):
        with self.lock:
            self.count, self.seen, self.rule = 0, [], rule
            self.hits, self.struck = 0, False

    def find(self, side, method, path, query):
        with self.lock:
            self.count += 1
            self.seen.append((side, method, path, query))
            rule = self.rule
            if not rule or rule.get("side", side) != side:
                return None
            if not (re.search(rule.get("method", ""), method) and
                    re.search(rule.get("path", ""), path) and
                    re.search(rule.get("query", ""), query)):
                return None
            self.hits += 1
            skip, times = rule.get("skip", 0), rule.get("times", 1 << 60)
            if not skip < self.hits <= skip + times:
                return None
            self.struck = True
            return rule


class Side:
    def __init__(self, name, orders):
        self.name, self.orders = name, orders

    def find(self, method, path, query):
        return self.orders.find(self.name, method, path, query)


def proxy_start(server, orders):
    """The address of a proxy in front of it."""
    to = field(server, "endpoint").replace("http://", "")
    p = proxy.Server(to, Side(server, orders), open(os.devnull, "w",
                                                    encoding="utf-8"))
    threading.Thread(target=p.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % p.server_address[1]


def library():
    """tests/fault/syscalls.c, built."""
    made = os.path.join(RUN_DIR, "syscalls.so")
    if not os.path.exists(made):
        subprocess.run([
            os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-Wall",
            "-Wextra", "-O1", "-shared", "-fPIC", "-o", made,
            os.path.join(TOP, "tests", "fault", "syscalls.c"), "-ldl"],
            check=True)
    return made


# --- what is saved

class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return "status %s\n%s" % (self.status, self.err.strip()[-1500:])


class World:
    """A platform and a repository.  kind: s3 or dir."""

    def __init__(self, name, kind="s3", objects=5, large=9 << 20):
        self.name, self.kind = re.sub("[^a-z0-9]", "-", name), kind
        self.dir = os.path.join(RUN_DIR, "fault-" + self.name)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.path("scratch"))
        self.source, self.repo = client("source"), client("repo")
        self.platform = "test"
        self.bucket = "src-" + self.name
        self.repo_bucket = "repo-" + self.name
        self.orders = Orders()
        self.ends = {"source": proxy_start("source", self.orders),
                     "repo": proxy_start("repo", self.orders)}
        self.verified, self.process = {}, None
        self.more, self.preload, self.serial = [], None, 0
        self.fill(objects, large)
        self.configure()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def fill(self, objects, large):
        self.source.make(self.bucket)
        for i in range(objects):
            self.put_small(i)
        if large:
            body = s3.pseudo("large", large)
            parts = [body[:5 << 20], body[5 << 20:]]
            self.source.multipart(self.bucket, b"models/large.bin",
                                  [p for p in parts if p])
        db = sqlite3.connect(self.path("a.db"))
        with db:
            db.execute("create table t(id integer primary key, note text)")
            db.executemany("insert into t(note) values (?)",
                           [("row %d" % i,) for i in range(500)])
        db.close()

    def put_small(self, i, seed="s"):
        self.source.put(self.bucket, b"runs/%03d/log.txt" % i,
                        s3.pseudo("%s%d" % (seed, i), 2000 + 100 * i),
                        {"content-type": "text/plain"},
                        {"run": str(i)}, {"team": "a"} if i == 0 else None)

    def configure(self, bucket=None, keys=None):
        """bucket: restore to another."""
        def block(indent, server, name):
            access = (keys or {}).get(server) or [
                "access-key: " + field(server, "access"),
                "secret-key: " + field(server, "secret")]
            return ["%s%s" % (indent, line) for line in [
                "endpoint: " + self.ends[server], "region: us-east-1",
                "bucket: " + name, "uri-style: path"] + access]

        lines = ["scratch: " + self.path("scratch"), "repository:",
                 "  name: " + self.platform]
        if self.kind == "dir":
            lines.append("  path: " + self.path("repository"))
        else:
            lines += ["  s3:"] + block("    ", "repo", self.repo_bucket)
        lines += self.more
        lines += ["components:", "  - name: mlpipeline", "    type: bucket"]
        lines += block("    ", "source", bucket or self.bucket)
        lines += ["  - name: mlmd", "    type: sqlite",
                  "    path: " + self.path("a.db")]
        with open(self.path("config.yaml"), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(self.path("config.yaml"), 0o600)

    # --- the program

    def command(self, *args):
        return [PB, "-c", self.path("config.yaml"), *args]

    def start(self, *args, fast=False, env=None):
        """fast: its clock runs sixty times as fast, so that it waits less."""
        command = self.command(*args)
        if fast:
            command = ["faketime", "-m", "-f", "+0 x60"] + command
        self.serial += 1
        out = open(self.path("out"), "w+b")
        err = open(self.path("err"), "w+b")
        self.process = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            env=dict(os.environ, **(env or {})))
        return out, err

    def run(self, *args, fast=False, env=None):
        out, err = self.start(*args, fast=fast, env=env)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed("still running after %d s: %s" % (PATIENCE, args))
        texts = []
        for f in (out, err):
            f.seek(0)
            texts.append(f.read().decode("utf-8", "replace"))
            f.close()
        # an assertion or a crash is never an answer
        want(status in (0, 1, 2, 3, -9), "the program died:", status, texts[1])
        return Result(status, *texts)

    def must(self, *args):
        r = self.run(*args)
        want(r.status == 0, *args, r)
        return r

    def kill(self):
        self.process.kill()
        self.process.wait()

    def create(self, *args):
        made = json.loads(self.must("create", "--json", *args).out)
        return made["backup-id"]

    def list(self):
        return json.loads(self.must("list", "--json").out)

    def system_calls(self, do, at, *folders):
        """The environment in which the at-th call that changes a file below
        the folders goes wrong (tests/fault/syscalls.c)."""
        return {"LD_PRELOAD": library(), "FAULT_DO": str(do),
                "FAULT_AT": str(at), "FAULT_LOG": self.path("calls"),
                "FAULT_UNDER": ":".join(self.path(f) for f in folders)}

    def calls(self):
        """Those of the last such run, and forget them."""
        if not os.path.exists(self.path("calls")):
            return []
        with open(self.path("calls"), encoding="utf-8") as f:
            lines = f.read().splitlines()
        os.remove(self.path("calls"))
        return lines

    def destroy(self):
        """Long runs have many worlds."""
        self.empty_source()
        for name in self.keys():
            self.remove(name)
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- the repository, seen without the program

    def below(self):
        """Where the files of the repository lie."""
        return self.path("repository", self.platform)

    def keys(self):
        """{name: what changes when the file does}"""
        if self.kind == "s3":
            try:
                listed = list(self.repo.list(
                    self.repo_bucket, self.platform.encode() + b"/"))
            except s3.S3Error as e:
                if e.status != 404:
                    raise
                listed = []
            return {o["key"].decode(): (o["size"], o["etag"])
                    for o in listed}
        found = {}
        for folder, _, names in os.walk(self.below()):
            for name in names:
                path = os.path.join(folder, name)
                s = os.stat(path)
                found[os.path.relpath(path, self.below())] = (
                    s.st_size, s.st_mtime_ns, s.st_ino)
        return found

    def read(self, name):
        if self.kind == "s3":
            return self.repo.request("GET", self.repo_bucket,
                                     name.encode())[1]
        with open(os.path.join(self.below(), name), "rb") as f:
            return f.read()

    def remove(self, name):
        if self.kind == "s3":
            self.repo.request("DELETE", self.repo_bucket, name.encode())
        else:
            os.remove(os.path.join(self.below(), name))

    def write(self, name, body):
        """In place of what is there."""
        if self.kind == "s3":
            self.repo.put(self.repo_bucket, name.encode(), body)
            return
        path = os.path.join(self.below(), name)
        if os.path.exists(path):
            os.remove(path)  # it may not be written to
        with open(path, "wb") as f:
            f.write(body)

    def digest(self, name, stamp):
        if (name, stamp) not in self.verified:
            self.verified[name, stamp] = hashlib.sha256(
                self.read(name)).hexdigest()
        return self.verified[name, stamp]

    def whole(self):
        """Every manifest is right, and so is every file that one names.
        {backup id: backup-status}"""
        keys, sets = self.keys(), {}
        top = self.platform + "/" if self.kind == "s3" else ""
        for name in keys:
            if not name.endswith("/manifest.json"):
                continue
            text = self.read(name)
            body, _, end = text.rstrip().rpartition(b"\n  \"manifest-sha256")
            m = json.loads(text)
            want(hashlib.sha256(body + b"\n").hexdigest() ==
                 m["manifest-sha256"], name, "is damaged")
            for part in m["components"] + [m]:
                for f in part.get("files", []) + part.get("needs", []):
                    path = top + f["path"]
                    want(path in keys, f["path"], "is missing, says", name)
                    want(self.digest(path, keys[path]) == f["sha256"],
                         f["path"], "is damaged, says", name)
            sets[m["backup-id"]] = m["backup-status"]
        return sets

    def needed(self, folder=""):
        """What the manifests name, or that in one folder."""
        top, names = (self.platform + "/" if self.kind == "s3" else ""), set()
        for name in self.keys():
            if name.endswith("/manifest.json") and name.startswith(folder):
                m = json.loads(self.read(name))
                for part in m["components"] + [m]:
                    for f in part.get("files", []) + part.get("needs", []):
                        names.add(top + f["path"])
        return names

    def honest(self):
        """What the program lists is what is there; returns whole()."""
        sets = self.whole()
        marked = {m.group(1) for m in (re.search(
            "notes/([^/]*Z)-[0-9a-f]{8}/deleted-", name)
            for name in self.keys()) if m}
        for line in self.list():
            name, status = line["backup-id"], line["backup-status"]
            if name in marked and status == "deleted":
                continue
            if name in sets:
                want(status == sets[name], name, "is listed as", status)
            else:
                want(status in ("in progress", "failed"), name,
                     "has no manifest and is listed as", status)
        return sets

    def forget(self, since):
        """Take away what was not there at that time."""
        for name in self.keys():
            if name not in since:
                self.remove(name)

    def remember_repo(self):
        self.kept_repo = {name: self.read(name) for name in self.keys()}

    def put_back_repo(self):
        there = self.keys()
        self.forget(self.kept_repo)
        for name, body in self.kept_repo.items():
            if name not in there:
                self.repo.put(self.repo_bucket, name.encode(), body)

    # --- the platform

    def picture(self, bucket=None):
        """All that a restore must bring back."""
        bucket = bucket or self.bucket
        objects = []
        for o in list(self.source.list(bucket)):
            line = self.source.describe(bucket, o["key"])
            line["key"] = repr(o["key"])
            objects.append(json.dumps(line, sort_keys=True))
        return objects + self.rows()

    def rows(self):
        if not os.path.exists(self.path("a.db")):
            return ["no database"]
        db = sqlite3.connect(self.path("a.db"))
        try:
            want(db.execute("pragma quick_check").fetchone()[0] == "ok",
                 "the database is damaged")
            text = repr(db.execute("select * from t order by id").fetchall())
        finally:
            db.close()
        return ["rows " + hashlib.sha256(text.encode()).hexdigest()]

    def remember(self):
        """The platform as it is now, for put_back()."""
        self.kept = {}
        for o in list(self.source.list(self.bucket)):
            facts = self.source.describe(self.bucket, o["key"])
            body = self.source.request("GET", self.bucket, o["key"])[1]
            self.kept[o["key"]] = (body, facts["headers"], facts["meta"],
                                   facts["tags"])
        shutil.copy(self.path("a.db"), self.path("kept.db"))

    def put_back(self):
        for o in list(self.source.list(self.bucket)):
            if o["key"] not in self.kept:
                self.source.request("DELETE", self.bucket, o["key"])
        for key, what in self.kept.items():
            self.source.put(self.bucket, key, *what)
        for name in os.listdir(self.dir):
            if name.startswith("a.db"):
                os.remove(self.path(name))
        shutil.copy(self.path("kept.db"), self.path("a.db"))

    def harm(self):
        """What a restore has to put right: gone, changed, too much."""
        self.source.request("DELETE", self.bucket, b"models/large.bin")
        self.harm_small()

    def harm_small(self):
        self.source.request("DELETE", self.bucket, b"runs/001/log.txt")
        self.put_small(2, "other")
        self.harm_rows()

    def harm_rows(self):
        db = sqlite3.connect(self.path("a.db"))
        with db:
            db.execute("delete from t where id in "
                       "(select id from t order by id limit 100)")
        db.close()

    def empty_source(self):
        for o in list(self.source.list(self.bucket)):
            self.source.request("DELETE", self.bucket, o["key"])

    def restored(self, set_id, good, *more):
        self.must("restore", set_id, *more)
        now = self.picture()
        want(now == good, "not what was saved:",
             [line[:200] for line in sorted(set(now) ^ set(good))])
