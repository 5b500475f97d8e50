#!/usr/bin/env python3
"""pipelines.py - a platform that is at work: objects, and a database of them.

  pipelines.py run DB BUCKET [COUNT]   do COUNT pipeline runs, or until ended
  pipelines.py sql DB BUCKET [COUNT]   the same; SQL on standard output records
                                       them in Kubeflow Pipelines' database
  pipelines.py tables                  that database's tables, as SQL
  pipelines.py verify DB BUCKET        each artifact is where the database says,
                                       with the content that it says
  pipelines.py rows BUCKET             the same for lines of stdin: key, sha256

As Kubeflow Pipelines does it, a run stores its output first, records it in
ML Metadata's tables (schema 10) afterwards, and in its own (as of 2.0) last.
A pipeline's definition is stored before its row becomes READY.  SEED: of the
random numbers.  Where the bucket is: as s3.py.
"""
import hashlib
import json
import os
import random
import sqlite3
import sys
import time

import s3

SCHEMA = """
create table if not exists Type (id integer primary key autoincrement,
  name varchar(255) not null, version varchar(255), type_kind tinyint not null,
  description text, input_type text, output_type text,
  external_id varchar(255) unique);
create table if not exists Artifact (id integer primary key autoincrement,
  type_id int not null, uri text, state int, name varchar(255),
  external_id varchar(255) unique, create_time_since_epoch int not null
  default 0, last_update_time_since_epoch int not null default 0,
  unique(type_id, name));
create table if not exists ArtifactProperty (artifact_id int not null,
  name varchar(255) not null, is_custom_property tinyint not null,
  int_value int, double_value double, string_value text, byte_value blob,
  proto_value blob, bool_value boolean,
  primary key (artifact_id, name, is_custom_property));
create table if not exists Execution (id integer primary key autoincrement,
  type_id int not null, last_known_state int, name varchar(255),
  external_id varchar(255) unique, create_time_since_epoch int not null
  default 0, last_update_time_since_epoch int not null default 0,
  unique(type_id, name));
create table if not exists Event (id integer primary key autoincrement,
  artifact_id int not null, execution_id int not null, type int not null,
  milliseconds_since_epoch int, unique(artifact_id, execution_id, type));
create table if not exists MLMDEnv (schema_version integer primary key);
create index if not exists idx_artifact_uri on Artifact(uri);
insert or ignore into MLMDEnv values (10);
insert or ignore into Type(id, name, type_kind) values (1, 'system.Model', 1),
  (2, 'system.ContainerExecution', 0);
"""

TABLES = """
create table pipelines (UUID varchar(191) primary key,
  CreatedAtInSec bigint not null, Name varchar(191) not null,
  Status varchar(191) not null);
create table pipeline_versions (UUID varchar(191) primary key,
  CreatedAtInSec bigint not null, Name varchar(191) not null,
  PipelineId varchar(191) not null, Status varchar(191) not null,
  CodeSourceUrl varchar(191), Description longtext,
  PipelineSpec longtext, PipelineSpecURI longtext not null);
create table run_details (UUID varchar(191) primary key,
  DisplayName varchar(191) not null, Description varchar(191) not null,
  PipelineVersionId varchar(191), RuntimeParameters longtext,
  PipelineRoot longtext, CreatedAtInSec bigint not null,
  State varchar(191), PipelineRuntimeManifest longtext not null,
  WorkflowRuntimeManifest longtext not null);
"""


def client():
    env = os.environ
    return s3.Client(env["S3_ENDPOINT"], env["S3_ACCESS"], env["S3_SECRET"],
                     env.get("S3_CA"))


def record(db, uri, digest):
    now = int(time.time() * 1000)
    with db:
        db.execute("begin immediate")
        cur = db.execute("insert into Artifact(type_id, uri, state, "
                         "create_time_since_epoch) values (1, ?, 2, ?)",
                         (uri, now))
        artifact = cur.lastrowid
        db.execute("insert into ArtifactProperty(artifact_id, name, "
                   "is_custom_property, string_value) values "
                   "(?, 'sha256', 1, ?)", (artifact, digest))
        cur = db.execute("insert into Execution(type_id, last_known_state, "
                         "create_time_since_epoch) values (2, 3, ?)", (now,))
        db.execute("insert into Event(artifact_id, execution_id, type, "
                   "milliseconds_since_epoch) values (?, ?, 4, ?)",
                   (artifact, cur.lastrowid, now))


def say(sql, *values):
    print(sql % tuple("'%s'" % v.replace("\\", "\\\\").replace("'", "''")
                      for v in values), flush=True)


def record_run(mark, key, digest):
    workflow = {"kind": "Workflow", "status": {"nodes": {
        mark: {"type": "Pod", "outputs": {"artifacts": [
            {"name": "model", "path": "/tmp/model", "s3": {"key": key}}]}},
        mark + "-dag": {"type": "DAG"}}}}
    say("insert into run_details values (%s, 'run', %s, '', '[]', '', 1,"
        " 'SUCCEEDED', '', %s);", mark, digest, json.dumps(workflow))


def new_version(c, bucket, mark, body):
    say("insert into pipeline_versions values (%s, 1, %s, 'p', 'CREATING', '',"
        " %s, '', '');", mark, mark, hashlib.sha256(body).hexdigest())
    c.put(bucket, b"pipelines/" + mark.encode(), body)
    say("update pipeline_versions set Status = 'READY' where UUID = %s;", mark)


def run(path, bucket, count, sql=False):
    random.seed(os.environ.get("SEED"))
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    db.executescript(SCHEMA)
    c = client()
    done = 0
    while count is None or done < count:
        mark = "%016x" % random.getrandbits(64)
        key = "artifacts/kubeflow/pipeline-%s/model" % mark
        body = random.randbytes(random.randint(500, 9000))
        c.put(bucket, key.encode(), body, meta={"run": mark})
        record(db, "minio://%s/%s" % (bucket, key),
               hashlib.sha256(body).hexdigest())
        if sql:
            record_run(mark, key, hashlib.sha256(body).hexdigest())
        if sql and done % 4 == 0:
            new_version(c, bucket, mark, body[:700])
        if sql:
            time.sleep(0.01)  # leave the processor to those who look on
        done += 1
    return 0


def content(c, bucket, key, digest):
    try:
        body = c.request("GET", bucket, key)[1]
    except s3.S3Error:
        return "lost"
    return "" if hashlib.sha256(body).hexdigest() == digest else "wrong"


def rows(bucket):
    c = client()
    lines = [line.rstrip("\n").split("\t") for line in sys.stdin]
    verdicts = list(s3.in_order(
        lambda line: content(c, bucket, line[0].encode(), line[1]), lines))
    print("%d rows, %d lost, %d with other content" % (
        len(lines), verdicts.count("lost"), verdicts.count("wrong")))
    return 1 if any(verdicts) or not lines else 0


def verify(path, bucket):
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=60)
    found = db.execute(
        "select uri, string_value from Artifact join ArtifactProperty on "
        "artifact_id = Artifact.id and ArtifactProperty.name = 'sha256'"
    ).fetchall()
    total = db.execute("select count(*) from Artifact").fetchone()[0]
    events = db.execute("select count(*) from Event").fetchone()[0]
    c = client()
    start = len("minio://%s/" % bucket)
    lost = wrong = 0

    def one(row):
        return content(c, bucket, row[0][start:].encode(), row[1])

    for verdict in s3.in_order(one, found):
        lost += verdict == "lost"
        wrong += verdict == "wrong"
    print("%d artifacts recorded, %d lost, %d with other content" %
          (total, lost, wrong))
    if total != events or total != len(found):
        print("the database does not fit itself: %d artifacts, %d events, "
              "%d properties" % (total, events, len(found)))
        return 1
    return 1 if lost or wrong or not total else 0


def main(argv):
    if len(argv) in (4, 5) and argv[1] in ("run", "sql"):
        return run(argv[2], argv[3], int(argv[4]) if len(argv) > 4 else None,
                   argv[1] == "sql")
    if argv[1:] == ["tables"]:
        print(TABLES)
        return 0
    if len(argv) == 3 and argv[1] == "rows":
        return rows(argv[2])
    if len(argv) == 4 and argv[1] == "verify":
        return verify(argv[2], argv[3])
    print(__doc__.strip())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv))
