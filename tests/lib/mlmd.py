#!/usr/bin/env python3
"""mlmd.py - an ML Metadata database, as Kubeflow Pipelines writes it.

    mlmd.py make DB [--runs N]        make it, with N pipeline runs
    mlmd.py write DB [--seconds N]    add runs without a pause, until the
                                      time is over or SIGTERM comes
    mlmd.py count DB                  what it holds, as JSON; exit status 1
                                      where a reference leads nowhere
    mlmd.py uris DB                   the URI of each artifact, one a line

make and write use the real ml-metadata library; where Python does not have
it, its tables (mlmd-schema.sql) and the same transactions through sqlite3.

Each run is one transaction: a context, an execution, an artifact and the event
between them, so that their numbers agree in every state of the database.
"""
import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {"system.Model": 1, "system.ContainerExecution": 0,
         "system.PipelineRun": 2}

try:
    from ml_metadata.metadata_store import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    metadata_store = None


def uri(run, step):
    return "s3://mlpipeline/v2/artifacts/train/%s/%s/model" % (run, step)


class Library:
    """The real thing."""

    def __init__(self, path):
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = path
        config.sqlite.connection_mode = 3  # make it where it is missing
        self.store = metadata_store.MetadataStore(config)
        self.model = self.store.put_artifact_type(
            pb.ArtifactType(name="system.Model",
                            properties={"display_name": pb.STRING}))
        self.step = self.store.put_execution_type(
            pb.ExecutionType(name="system.ContainerExecution"))
        self.run = self.store.put_context_type(
            pb.ContextType(name="system.PipelineRun"))

    def add(self, run, step):
        artifact = pb.Artifact(type_id=self.model, uri=uri(run, step),
                               name="%s-%s" % (run, step))
        artifact.properties["display_name"].string_value = "model"
        execution = pb.Execution(type_id=self.step,
                                 name="%s-%s" % (run, step))
        execution.custom_properties["pod_name"].string_value = run
        context = pb.Context(type_id=self.run, name=run)
        self.store.put_execution(
            execution, [(artifact, pb.Event(type=pb.Event.OUTPUT))],
            [context], reuse_context_if_already_exist=True)


class Tables:
    """The same tables and transactions, without the library."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=60, isolation_level=None)
        have = self.db.execute("SELECT count(*) FROM sqlite_master"
                               " WHERE name = 'MLMDEnv'").fetchone()[0]
        if not have:
            with open(os.path.join(HERE, "mlmd-schema.sql")) as f:
                self.db.executescript(f.read())
        self.ids = {}
        for name, kind in TYPES.items():
            self.ids[name] = self.type_id(name, kind)

    def type_id(self, name, kind):
        row = self.db.execute("SELECT id FROM Type WHERE name = ? AND"
                              " type_kind = ?", (name, kind)).fetchone()
        if row:
            return row[0]
        return self.db.execute("INSERT INTO Type(name, type_kind)"
                               " VALUES(?, ?)", (name, kind)).lastrowid

    def add(self, run, step):
        now = int(time.time() * 1000)
        name = "%s-%s" % (run, step)
        do = self.db.execute
        do("BEGIN IMMEDIATE")
        artifact = do("INSERT INTO Artifact(type_id, uri, name,"
                      " create_time_since_epoch,"
                      " last_update_time_since_epoch) VALUES(?,?,?,?,?)",
                      (self.ids["system.Model"], uri(run, step), name, now,
                       now)).lastrowid
        do("INSERT INTO ArtifactProperty(artifact_id, name,"
           " is_custom_property, string_value) VALUES(?,?,0,?)",
           (artifact, "display_name", "model"))
        execution = do("INSERT INTO Execution(type_id, name,"
                       " create_time_since_epoch,"
                       " last_update_time_since_epoch) VALUES(?,?,?,?)",
                       (self.ids["system.ContainerExecution"], name, now,
                        now)).lastrowid
        do("INSERT INTO Event(artifact_id, execution_id, type,"
           " milliseconds_since_epoch) VALUES(?,?,4,?)",
           (artifact, execution, now))
        do("INSERT OR IGNORE INTO Context(type_id, name,"
           " create_time_since_epoch, last_update_time_since_epoch)"
           " VALUES(?,?,?,?)",
           (self.ids["system.PipelineRun"], run, now, now))
        context = do("SELECT id FROM Context WHERE name = ?",
                     (run,)).fetchone()[0]
        do("INSERT INTO Association(context_id, execution_id) VALUES(?,?)",
           (context, execution))
        do("INSERT INTO Attribution(context_id, artifact_id) VALUES(?,?)",
           (context, artifact))
        do("COMMIT")


def connect(path):
    if metadata_store:
        return Library(os.path.abspath(path))
    print("mlmd.py: no ml-metadata library here: its tables through sqlite3",
          file=sys.stderr)
    return Tables(path)


def new_run():
    return "run-%016x" % random.getrandbits(64)


def make(args):
    store = connect(args.db)
    for _ in range(args.runs):
        store.add(new_run(), "step-1")


def write(args):
    store = connect(args.db)
    going = [True]

    def stop(*_):
        going[0] = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    end = time.monotonic() + args.seconds
    added = refused = 0
    slowest = 0.0
    while going[0] and time.monotonic() < end:
        start = time.monotonic()
        try:
            store.add(new_run(), "step-1")
            added += 1
        except Exception as e:  # the library has many; all are counted
            if "locked" not in str(e) and "Cannot" not in str(e):
                raise
            refused += 1
        slowest = max(slowest, time.monotonic() - start)
    print(json.dumps({"added": added, "refused": refused,
                      "slowest-ms": round(slowest * 1000)}))


def read_only(path):
    return sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=60)


def count(args):
    db = read_only(args.db)
    db.execute("BEGIN")

    def number(sql):
        return db.execute("SELECT count(*) FROM " + sql).fetchone()[0]

    result = {
        "artifacts": number("Artifact"), "executions": number("Execution"),
        "events": number("Event"), "contexts": number("Context"),
        "lost": number(
            "Event e WHERE NOT EXISTS (SELECT 1 FROM Artifact a"
            " WHERE a.id = e.artifact_id) OR NOT EXISTS (SELECT 1"
            " FROM Execution x WHERE x.id = e.execution_id)"),
        "schema-version": db.execute(
            "SELECT schema_version FROM MLMDEnv").fetchone()[0],
    }
    print(json.dumps(result))
    agree = result["artifacts"] == result["executions"] == result["events"]
    return 0 if agree and not result["lost"] else 1


def uris(args):
    for (one,) in read_only(args.db).execute(
            "SELECT uri FROM Artifact ORDER BY id"):
        print(one)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, do in (("make", make), ("write", write), ("count", count),
                     ("uris", uris)):
        sub = commands.add_parser(name)
        sub.add_argument("db")
        sub.set_defaults(do=do)
        if name == "make":
            sub.add_argument("--runs", type=int, default=20)
        if name == "write":
            sub.add_argument("--seconds", type=float, default=3600)
    args = parser.parse_args()
    try:
        return args.do(args) or 0
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
