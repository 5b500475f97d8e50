#!/usr/bin/env python3
"""The other side of a relation, for tests: what a provider writes.

    fakeprovider.py STATE KIND RELATION EVENT [KEY=VALUE ...]

STATE is fakejuju.py's.  EVENT is "created" (makes the relation) or "changed".
KEY=VALUE are the provider's options.  KIND:

s3-v1   s3-integrator, track 2: writes its version first; makes the bucket and
        publishes when the requirer has written version or bucket; keys go
        into a secret when the requirer asks for it.
s3-v0   s3-integrator, track 1: says nothing, save its note "data", until the
        key "bucket" newly appears; makes no bucket; keys are plain.
minio   the MinIO charm: fails (here: status 1) as long as the requirer has not
        published its versions; then one YAML map.

mysql, postgresql
        a database charm with the library data_interfaces: acts when the key
        "database" newly appears; what is in requested-secrets goes into
        secrets, everything else into the bag for all to read.  With
        subordinated=true a unit says when it is ready: state=ready.

velero  what tells Charmed Velero which objects are its own: endpoint=, spec=
        and model= of this side; at once, whatever the requirer writes.

app=NAME names the application; the s3 ones are s3-integrator otherwise.
What it would have made is in the relation's "made" list.
"""

import json
import os
import re
import sys

BUCKET = re.compile(r"(?!(^xn--|.+-s3alias$))^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")
PLAIN = ("endpoint", "region", "storage-class", "attributes",
         "s3-api-version", "s3-uri-style", "tls-ca-chain",
         "delete-older-than-days")
SECRET = "%.1s2k3v0nmp25c76k%05d"
ACCOUNT = {"user": ("username", "password", "uris", "read-only-uris"),
           "tls": ("tls", "tls-ca")}
APPS = {"velero": "mlmd", "minio": "minio", "mysql": "kfp-db", "postgresql": "postgresql-k8s"}


def note(relation):
    """The data platform libraries keep what they have seen in their bag."""
    bag = relation["app-data"]
    seen = json.loads(bag.get("data", "{}"))
    now = {k: v for k, v in relation["own-app-data"].items() if k != "data"}
    bag["data"] = json.dumps(now)
    return [k for k in now if k not in seen]


def publish(bag, values):
    for key, value in values.items():
        if value:
            bag[key] = value
        else:
            bag.pop(key, None)


def secret_of(state, rid, group, content):
    """Make or change the relation's secret of that group; its URI."""
    name = SECRET % (group, int(rid.split(":")[1]))
    secret = state["secrets"].setdefault(name, {
        "owner": state["relations"][rid]["app"], "revisions": [],
        "grants": [state["unit"].split("/")[0]]})
    if secret["revisions"][-1:] != [content]:
        secret["revisions"].append(content)
    return "secret://%s/%s" % (state["model"]["uuid"], name)


def s3_v1(state, rid, relation, options):
    ours, bag = relation["own-app-data"], relation["app-data"]
    note(relation)
    if "version" not in ours and "bucket" not in ours:
        return
    asks = "requested-secrets" in ours
    bucket = options.get("bucket") or (ours.get("bucket") if asks else "")
    if bucket and not BUCKET.match(bucket):
        return
    if bucket and bucket not in relation["made"]:
        relation["made"].append(bucket)
    values = {k: options.get(k) for k in PLAIN}
    values.update(bucket=bucket, path=options.get("path") or ours.get("path"))
    keys = {k: options[k] for k in ("access-key", "secret-key")
            if k in options}
    if not asks:
        values.update(keys)
    elif keys:
        values["secret-extra"] = secret_of(state, rid, "extra", keys)
    publish(bag, values)


def s3_v0(_, __, relation, options):
    ours, bag = relation["own-app-data"], relation["app-data"]
    if "bucket" not in note(relation) and "access-key" not in bag:
        return
    values = {k: options.get(k) for k in PLAIN + ("access-key", "secret-key",
                                                  "path")}
    values["bucket"] = options.get("bucket") or ours.get("bucket")
    publish(bag, values)


def minio(_, __, relation, options):
    if "- v1" not in relation["own-app-data"].get("_supported_versions", ""):
        sys.exit("UnversionedRelation: all of MinIO waits")
    relation["app-data"]["data"] = "".join(
        "%s: %s\n" % (k, options[k]) for k in (
            "access-key", "namespace", "port", "secret-key", "secure",
            "service"))


def database(state, rid, relation, options):
    ours, bag = relation["own-app-data"], relation["app-data"]
    if "database" in note(relation):
        relation["made"].append(ours["database"])
    if not relation["made"]:
        return
    asked = json.loads(ours.get("requested-secrets", "[]"))
    account = {"username": "relation-%s" % rid.split(":")[1],
               "password": "KEEPMEQUIET", **options}
    account["uris"] = "db://%(username)s:%(password)s@" % account
    values = {"database": relation["made"][0], "version": "8.0.44"}
    for key in ("endpoints", "read-only-endpoints", "subordinated"):
        values[key] = options.get(key)
    for group, keys in ACCOUNT.items():
        content = {k: account[k] for k in keys if k in account}
        values.update((k, v) for k, v in content.items() if k not in asked)
        content = {k: v for k, v in content.items() if k in asked}
        if content:
            values["secret-" + group] = secret_of(state, rid, group, content)
    publish(bag, values)
    for unit in relation["units"].values():
        publish(unit, {"state": options.get("state")})


def velero(state, _, relation, options):
    publish(relation["app-data"], {
        "model": options.get("model", state["model"]["name"]),
        "app": relation["app"], "spec": options.get("spec"),
        "relation_name": options.get("endpoint", "velero-backup-config")})


def create(state, kind, rid, options):
    app = options.get("app", APPS.get(kind, "s3-integrator"))
    relation = {"app": app, "app-data": {}, "units": {app + "/0": {}},
                "own-app-data": {}, "own-unit-data": {}, "made": []}
    if kind == "s3-v1":
        relation["app-data"]["version"] = "1"
    if kind == "minio":
        relation["app-data"]["_supported_versions"] = "- v1\n"
    if kind == "velero":
        velero(state, rid, relation, options)
    state.setdefault("relations", {})[rid] = relation


def main():
    path, kind, rid, event = sys.argv[1:5]
    options = dict(a.split("=", 1) for a in sys.argv[5:])
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    if event == "created":
        create(state, kind, rid, options)
    else:
        {"s3-v1": s3_v1, "s3-v0": s3_v0, "minio": minio, "mysql": database,
         "postgresql": database, "velero": velero}[kind](
             state, rid, state["relations"][rid], options)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1, sort_keys=True)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
