#!/usr/bin/env python3
"""A fake of Juju's unit agent, for tests: runs one hook or action of a charm
as Juju does, answers its hook tools from a state, and gives the state after.

    fakejuju.py [--charm DIR] STATE hook NAME [--relation ID] [--unit UNIT]
                [--departing UNIT] [--secret ID] [--storage ID]
    fakejuju.py [--charm DIR] STATE action NAME [KEY=VALUE ...]
                [--kill-after SECONDS]

STATE is a JSON file, read, and written back; what happened goes to stdout as
one JSON object.  Everything in STATE is optional:

    {"unit": "platform-backup/0", "leader": true, "juju-version": "3.6.8",
     "model": {"name": "kubeflow", "uuid": "..."},
     "config": {"option": value},            besides defaults of config.yaml
     "environment": {"JUJU_CHARM_HTTP_PROXY": "http://..."},
     "relations": {"s3-parameters:7": {
         "app": "s3-integrator",             the other side
         "app-data": {}, "units": {"s3-integrator/0": {}},
         "own-app-data": {}, "own-unit-data": {}}},
     "secrets": {"<20 letters or digits>": {
         "owner": "s3-integrator", "grants": ["platform-backup"],
         "revisions": [{"access-key": "..."}]}},
     "storage": {"scratch/0": "/folder"},
     "state": {}, "status": ["active", "words"], "version": "0.1.0"}

What Juju refuses is refused with Juju's words and exit statuses.  Writes of a
hook are kept only if it exits with 0; status and log at once.  A charm file
is YAML, of which a plain subset is understood.
"""

import argparse
import base64
import copy
import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading

ARG_MAX = 131072
STATE_KEY_MAX, STATE_VALUE_MAX = 256, 65536
UUID = "0b5c8e0e-2f6c-4d6e-8a3b-7d1f6a0c9e11"
RESULT_KEY = re.compile(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$")
RESERVED = ("stdout", "stdout-encoding", "stderr", "stderr-encoding")
SECRET_ID = re.compile(r"^(?:secret:(?://[0-9a-f-]{36}/)?)?([a-z0-9]{20})$")


class Refused(Exception):
    """A hook tool that fails: exit status and what it says."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


# --- the charm's files


def _scalar(text):
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text[:1] == "[" and text[-1:] == "]":
        return [_scalar(t) for t in text[1:-1].split(",") if t.strip()]
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    return int(text) if re.match(r"^-?[0-9]+$", text) else text


def read_yaml(text):
    """Block maps, lists of scalars, | and > texts, [a, b]; no more."""
    lines = [l for l in text.split("\n")
             if l.strip() and not l.lstrip().startswith("#")]

    def depth(line):
        return len(line) - len(line.lstrip(" "))

    def block(at, indent):
        if lines[at].lstrip().startswith("- "):
            out = []
            while at < len(lines) and depth(lines[at]) == indent and \
                    lines[at].lstrip().startswith("- "):
                out.append(_scalar(lines[at].lstrip()[2:]))
                at += 1
            return out, at
        out = {}
        while at < len(lines) and depth(lines[at]) == indent:
            key, _, rest = lines[at].strip().partition(":")
            rest, at = rest.strip(), at + 1
            deeper = at < len(lines) and depth(lines[at]) > indent
            if rest[:1] in ("|", ">"):
                body = []
                while at < len(lines) and depth(lines[at]) > indent:
                    body.append(lines[at].strip())
                    at += 1
                out[key] = "\n".join(body)
            elif rest == "" and deeper:
                out[key], at = block(at, depth(lines[at]))
            else:
                out[key] = _scalar(rest)
        if at < len(lines) and depth(lines[at]) > indent:
            raise ValueError("cannot read: " + lines[at])
        return out, at

    return block(0, depth(lines[0]))[0] if lines else {}


def charm_file(charm, name):
    try:
        with open(os.path.join(charm, name), encoding="utf-8") as file:
            return read_yaml(file.read())
    except FileNotFoundError:
        return {}


def config_of(charm, state):
    out = {}
    for name, option in charm_file(charm, "config.yaml").get(
            "options", {}).items():
        if option.get("default") is not None:
            out[name] = option["default"]
    out.update(state["config"])
    return out


def check_params(charm, action, given):
    """The parameters with defaults; Refused as the controller refuses."""
    schema = charm_file(charm, "actions.yaml").get(action)
    if schema is None:
        raise Refused(1, 'action "%s" not defined' % action)
    params = schema.get("params") or {}
    kinds = {"string": str, "boolean": bool, "integer": int}
    for name in schema.get("required") or []:
        if name not in given:
            raise Refused(1, "validation failed: (root) : \"%s\" property "
                          "is missing and required" % name)
    for name, value in given.items():
        if name not in params:
            if schema.get("additionalProperties", True) is False:
                raise Refused(1, "validation failed: (root) : additional "
                              "property \"%s\" is not allowed" % name)
            continue
        kind = kinds[params[name].get("type", "string")]
        if not isinstance(value, kind) or \
                (kind is int and isinstance(value, bool)):
            raise Refused(1, "validation failed: (root).%s : must be of type "
                          "%s" % (name, params[name]["type"]))
        if kind is int and value < params[name].get("minimum", value):
            raise Refused(1, "validation failed: (root).%s : must be greater "
                          "than or equal to %s"
                          % (name, params[name]["minimum"]))
    out = {n: p["default"] for n, p in params.items()
           if p.get("default") is not None}
    out.update(given)
    return out


# --- one hook or action, while it runs


class Context:
    """What the hook tools of one run see and change."""

    def __init__(self, charm, state, hook=None, action=None):
        self.charm, self.kept, self.hook = charm, state, hook or {}
        self.action = action  # parameters, or None in a hook
        self.state = copy.deepcopy(state)  # with what is not yet kept
        self.unit = state["unit"]
        self.app = self.unit.split("/")[0]
        self.results, self.failed, self.messages = {}, None, []
        self.log, self.calls = [], []
        self.lock = threading.Lock()

    # --- flags, as Juju's gnuflag reads them

    @staticmethod
    def flags(args, with_value=(), without=()):
        out, rest = {}, []
        args = list(args)
        while args:
            arg = args.pop(0)
            if arg == "--":
                rest += args
                break
            if not arg.startswith("-") or arg == "-":
                rest.append(arg)
                continue
            name, eq, value = arg.lstrip("-").partition("=")
            if name in with_value:
                if not eq and not args:
                    raise Refused(2, "option needs an argument: " + arg)
                out[name] = value if eq else args.pop(0)
            elif name in without:
                out[name] = value.lower() != "false" if eq else True
            else:
                raise Refused(2, "option provided but not defined: "
                              + arg.partition("=")[0])
        return out, rest

    @staticmethod
    def show(flags, value):
        form = flags.get("format", "smart")
        if form == "json":
            return json.dumps(value, separators=(",", ":")) + "\n"
        if form != "smart":
            raise Refused(2, 'invalid value "%s" for option --format: '
                          "unknown format" % form)
        if value is None:
            return ""
        return (value if isinstance(value, str) else str(value)) + "\n"

    # --- relations

    def relation(self, flags):
        given = flags.get("r", self.hook.get("relation"))
        if not given:
            raise Refused(2, "no relation id specified")
        for rid, relation in self.state["relations"].items():
            if given in (rid, rid.split(":")[1]):
                return rid, relation
        raise Refused(2, 'invalid value "%s" for option -r: relation not '
                      "found" % given)

    def relation_ids(self, args):
        flags, rest = self.flags(args, ("format",))
        if not rest:
            raise Refused(2, "no endpoint name specified")
        ids = [r for r in self.state["relations"]
               if r.split(":")[0] == rest[0]]
        return self.show(flags, sorted(ids))

    def relation_list(self, args):
        flags, _ = self.flags(args, ("format", "r"), ("app",))
        _, relation = self.relation(flags)
        if flags.get("app"):
            return self.show(flags, relation["app"])
        units = [u for u in relation["units"]
                 if u != self.hook.get("departing")]
        return self.show(flags, sorted(units))

    def bag(self, rid, relation, who, app):
        if not app and "/" not in who:
            raise Refused(2, 'expected unit name, got application name "%s"'
                          % who)
        if app:
            name = who.split("/")[0]
            if name == self.app:
                if not self.state["leader"]:
                    raise Refused(1, "permission denied")
                return relation["own-app-data"]
            if name == relation["app"]:
                return relation["app-data"]
        elif who == self.unit:
            return relation["own-unit-data"]
        elif who in relation["units"]:
            return relation["units"][who]
        raise Refused(1, 'cannot read settings for "%s" in relation "%s": '
                      "settings not found" % (who, rid))

    def relation_get(self, args):
        flags, rest = self.flags(args, ("format", "r"), ("app",))
        rid, relation = self.relation(flags)
        key = rest.pop(0) if rest else "-"
        who = rest.pop(0) if rest else self.hook.get("unit") or (
            relation["app"] if flags.get("app") else None)
        if not who:
            raise Refused(2, "no unit or application specified")
        if relation.get("unreadable"):
            raise Refused(1, "permission denied")
        bag = self.bag(rid, relation, who, flags.get("app"))
        return self.show(flags, bag if key == "-" else bag.get(key))

    @staticmethod
    def pairs(flags, rest, stdin):
        out = {}
        if "file" in flags:
            if flags["file"] != "-":
                raise Refused(1, "only stdin is read here")
            try:
                out = json.loads(stdin)
            except ValueError:
                raise Refused(1, "cannot unmarshal input") from None
            if not isinstance(out, dict) or \
                    not all(isinstance(v, str) for v in out.values()):
                raise Refused(1, "cannot unmarshal input into "
                              "map[string]string")
        for pair in rest:
            key, eq, value = pair.partition("=")
            if not eq or not key:
                raise Refused(2, 'expected "key=value", got "%s"' % pair)
            out[key] = value
        return out

    def relation_set(self, args, stdin):
        flags, rest = self.flags(args, ("r", "file", "format"), ("app",))
        _, relation = self.relation(flags)
        pairs = self.pairs(flags, rest, stdin)
        if flags.get("app") and not self.state["leader"]:
            raise Refused(1, "cannot write relation settings")
        bag = relation["own-app-data" if flags.get("app")
                       else "own-unit-data"]
        for key, value in pairs.items():
            if value == "":
                bag.pop(key, None)
            else:
                bag[key] = value
        return ""

    # --- secrets

    def find_secret(self, uri, label):
        if uri is None:
            for secret in self.state["secrets"].values():
                if secret.get("labels", {}).get(self.unit) == label:
                    return secret
            raise Refused(1, 'secret "%s" not found' % label)
        match = SECRET_ID.match(uri)
        if not match:
            raise Refused(2, 'secret URI "%s" not valid' % uri)
        if match.group(1) not in self.state["secrets"]:
            raise Refused(1, 'secret "%s" not found' % match.group(1))
        return self.state["secrets"][match.group(1)]

    def secret_get(self, args):
        flags, rest = self.flags(args, ("format", "label"),
                                 ("refresh", "peek"))
        uri = rest[0] if rest else None
        if uri is None and not flags.get("label"):
            raise Refused(2, "require either a secret URI or label")
        if flags.get("refresh") and flags.get("peek"):
            raise Refused(2, "specify one of --peek or --refresh but not "
                          "both")
        secret = self.find_secret(uri, flags.get("label"))
        if secret["owner"] == self.app and flags.get("refresh"):
            raise Refused(1, "secret owner cannot use --refresh")
        if self.app not in secret.get("grants", []) and \
                secret["owner"] != self.app:
            if self.state["juju-version"].startswith("4"):
                raise Refused(1, '"%s" is not allowed to read this secret'
                              % self.unit)
            raise Refused(1, "permission denied")
        latest = len(secret["revisions"])
        pinned = secret.setdefault("pinned", {})
        if flags.get("refresh") or self.unit not in pinned:
            pinned[self.unit] = latest
        if flags.get("label"):
            secret.setdefault("labels", {})[self.unit] = flags["label"]
        # which revision a consumer follows is no buffered write
        self.kept["secrets"] = copy.deepcopy(self.state["secrets"])
        revision = latest if flags.get("peek") else pinned[self.unit]
        content = secret["revisions"][revision - 1]
        key = rest[1] if len(rest) > 1 else None
        return self.show(flags, content.get(key) if key else content)

    # --- the unit

    def config_get(self, args):
        flags, rest = self.flags(args, ("format",), ("a", "all"))
        config = config_of(self.charm, self.state)
        return self.show(flags, config.get(rest[0]) if rest else config)

    def is_leader(self, args):
        flags, _ = self.flags(args, ("format",))
        return self.show(flags, self.state["leader"])

    def status_set(self, args):
        flags, rest = self.flags(args, (), ("application",))
        if not rest or rest[0] not in ("maintenance", "blocked", "waiting",
                                       "active"):
            raise Refused(2, 'invalid status "%s", expected one of '
                          "[maintenance blocked waiting active]"
                          % (rest[0] if rest else ""))
        if flags.get("application"):
            if not self.state["leader"]:
                raise Refused(1, "this unit is not the leader")
            return ""
        status = [rest[0], " ".join(rest[1:])]
        self.state["status"] = self.kept["status"] = status
        self.messages.append(status)
        return ""

    def status_get(self, args):
        flags, _ = self.flags(args, ("format",),
                              ("include-data", "application"))
        word, text = self.state["status"]
        if not flags.get("include-data"):
            return self.show(flags, word)
        return self.show(flags, {"message": text, "status": word,
                                 "status-data": {}})

    def application_version_set(self, args):
        _, rest = self.flags(args)
        if len(rest) != 1:
            raise Refused(2, "no version specified")
        self.state["version"] = self.kept["version"] = rest[0]
        return ""

    def juju_log(self, args):
        flags, rest = self.flags(args, ("log-level", "l"), ("debug",))
        if not rest:
            raise Refused(2, "no message specified")
        level = flags.get("log-level", flags.get("l", "INFO"))
        if level not in ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR"):
            raise Refused(2, "unknown log level " + level)
        self.log.append([level, " ".join(rest)])
        return ""

    def state_get(self, args):
        flags, rest = self.flags(args, ("format",), ("strict",))
        state = self.state["state"]
        if rest and rest[0] != "-":
            if flags.get("strict") and rest[0] not in state:
                raise Refused(1, '"%s" not found' % rest[0])
            return self.show(flags, state.get(rest[0]))
        if not state and self.state["juju-version"].startswith("4"):
            return self.show(flags, None)
        return self.show(flags, state)

    def state_set(self, args, stdin):
        flags, rest = self.flags(args, ("file",))
        for key, value in self.pairs(flags, rest, stdin).items():
            if len(key.encode()) > STATE_KEY_MAX or \
                    len(value.encode()) > STATE_VALUE_MAX:
                raise Refused(1, "max allowed key or value size exceeded")
            self.state["state"][key] = value
        return ""

    def state_delete(self, args):
        _, rest = self.flags(args)
        for key in rest:
            self.state["state"].pop(key, None)
        return ""

    def storage_list(self, args):
        flags, rest = self.flags(args, ("format",))
        names = [s for s in self.state["storage"]
                 if not rest or s.split("/")[0] == rest[0]]
        return self.show(flags, sorted(names))

    def storage_get(self, args):
        flags, rest = self.flags(args, ("format", "s"))
        name = flags.get("s", self.hook.get("storage"))
        if not name:
            raise Refused(2, "no storage instance specified")
        if name not in self.state["storage"]:
            raise Refused(2, 'invalid value "%s" for option -s: storage not '
                          "found" % name)
        value = {"kind": "filesystem",
                 "location": self.state["storage"][name]}
        return self.show(flags, value.get(rest[0]) if rest else value)

    # --- actions

    def need_action(self):
        if self.action is None:
            raise Refused(1, "not running an action")

    def action_get(self, args):
        flags, rest = self.flags(args, ("format",))
        self.need_action()
        value = self.action
        for part in rest[0].split(".") if rest else []:
            value = value.get(part) if isinstance(value, dict) else None
        return self.show(flags, value)

    def action_set(self, args):
        _, rest = self.flags(args)
        for pair in rest:
            key, eq, _ = pair.partition("=")
            if not eq:
                raise Refused(2, 'argument "%s" must be of the form '
                              "key...=value" % pair)
            for part in key.split("."):
                if not RESULT_KEY.match(part):
                    raise Refused(
                        2, 'key "%s" must start and end with lowercase '
                        "alphanumeric, and contain only lowercase "
                        "alphanumeric and hyphens" % part)
        self.need_action()
        for pair in rest:
            key, _, value = pair.partition("=")
            if key in RESERVED:
                raise Refused(1, 'cannot set reserved action key "%s"' % key)
            at = self.results
            parts = key.split(".")
            for part in parts[:-1]:
                if not isinstance(at.get(part), dict):
                    at[part] = {}
                at = at[part]
            at[parts[-1]] = value
        return ""

    def action_log(self, args):
        _, rest = self.flags(args)
        if not rest:
            raise Refused(2, "no message specified")
        self.need_action()
        self.log.append(["ACTION", " ".join(rest)])
        return ""

    def action_fail(self, args):
        _, rest = self.flags(args)
        if len(rest) > 1:
            raise Refused(2, "unrecognized args: %s" % rest[1:])
        self.need_action()
        self.failed = rest[0] if rest else (
            "action failed without reason given, check action for errors")
        return ""

    def call(self, tool, args, stdin):
        with self.lock:
            self.calls.append([tool] + args)
            run = getattr(self, tool.replace("-", "_"))
            return run(args, stdin) if tool in WITH_STDIN else run(args)


WITH_STDIN = ("relation-set", "state-set")
TOOLS = WITH_STDIN + (
    "action-fail", "action-get", "action-log", "action-set",
    "application-version-set", "config-get", "is-leader", "juju-log",
    "relation-get", "relation-ids", "relation-list", "secret-get",
    "state-delete", "state-get", "status-get", "status-set", "storage-get",
    "storage-list")

# What every tool is: a client that asks the agent, as Juju's jujuc does.
CLIENT = r"""
import base64, json, os, socket, sys
args = [base64.b64encode(os.fsencode(a)).decode() for a in sys.argv[1:]]
data = sys.stdin.buffer.read() if "-" in sys.argv and "--file" in sys.argv \
    else b""
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["JUJU_AGENT_SOCKET_ADDRESS"])
f = s.makefile("rwb")
f.write(json.dumps({"context": os.environ.get("JUJU_CONTEXT_ID", ""),
    "tool": os.path.basename(sys.argv[0]), "args": args,
    "stdin": base64.b64encode(data).decode()}).encode() + b"\n")
f.flush()
answer = json.loads(f.readline())
sys.stdout.write(answer["stdout"])
sys.stderr.write(answer["stderr"])
sys.exit(answer["code"])
"""


class Agent:
    """The socket on which hook tools ask; a context manager."""

    def __init__(self, context):
        self.context = context
        self.folder = tempfile.mkdtemp(prefix="fakejuju-")
        self.id = "%s-run-%d" % (context.unit, os.getpid())

    def answer(self, request):
        code, out, errors = 0, "", ""
        try:
            if request["context"] != self.id:
                raise Refused(1, 'bad request: expected context id "%s", got '
                              '"%s"' % (self.id, request["context"]))
            args = [os.fsdecode(base64.b64decode(a))
                    for a in request["args"]]
            out = self.context.call(request["tool"], args,
                                    base64.b64decode(request["stdin"]))
        except Refused as refused:
            code, errors = refused.code, "ERROR %s\n" % refused.text
        return {"code": code, "stdout": out, "stderr": errors}

    def __enter__(self):
        agent = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                line = self.rfile.readline()
                if line:
                    answer = agent.answer(json.loads(line))
                    self.wfile.write(json.dumps(answer).encode() + b"\n")

        self.tools = os.path.join(self.folder, "tools")
        os.mkdir(self.tools)
        for tool in TOOLS:
            path = os.path.join(self.tools, tool)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!%s -IS\n%s" % (
                    os.path.realpath(sys.executable), CLIENT))
            os.chmod(path, 0o755)
        self.address = os.path.join(self.folder, "agent.socket")
        self.server = socketserver.ThreadingUnixStreamServer(
            self.address, Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- running


def complete(state):
    """The state with everything that was left out."""
    defaults = {"unit": "platform-backup/0", "leader": True,
                "juju-version": "3.6.8", "config": {}, "environment": {},
                "model": {"name": "kubeflow", "uuid": UUID},
                "relations": {}, "secrets": {}, "storage": {}, "state": {},
                "status": ["waiting", "agent initialising"], "version": ""}
    for key, value in defaults.items():
        state.setdefault(key, copy.deepcopy(value))
    for relation in state["relations"].values():
        for key in ("app-data", "units", "own-app-data", "own-unit-data"):
            relation.setdefault(key, {})
    return state


def environment(agent, charm, state, kind, name, hook):
    """Exactly what Juju sets; nothing of ours but PATH."""
    env = {
        "APT_LISTCHANGES_FRONTEND": "none",
        "CHARM_DIR": charm, "JUJU_CHARM_DIR": charm,
        "CLOUD_API_VERSION": "1.28",
        "DEBIAN_FRONTEND": "noninteractive",
        "JUJU_AGENT_SOCKET_ADDRESS": agent.address,
        "JUJU_AGENT_SOCKET_NETWORK": "unix",
        "JUJU_API_ADDRESSES": "10.1.0.5:17070",
        "JUJU_AVAILABILITY_ZONE": "", "JUJU_MACHINE_ID": "",
        "JUJU_PRINCIPAL_UNIT": "",
        "JUJU_CHARM_FTP_PROXY": "", "JUJU_CHARM_HTTPS_PROXY": "",
        "JUJU_CHARM_HTTP_PROXY": "", "JUJU_CHARM_NO_PROXY": "",
        "JUJU_CONTEXT_ID": agent.id,
        "JUJU_DISPATCH_PATH": "%ss/%s" % (kind, name),
        "JUJU_HOOK_NAME": name if kind == "hook" else "",
        "JUJU_MODEL_NAME": state["model"]["name"],
        "JUJU_MODEL_UUID": state["model"]["uuid"],
        "JUJU_UNIT_NAME": state["unit"],
        "JUJU_VERSION": state["juju-version"],
        "LANG": "C.UTF-8", "TERM": "tmux-256color",
        "PATH": agent.tools + ":" + os.environ.get(
            "PATH", "/usr/local/bin:/usr/bin:/bin"),
    }
    if kind == "action":
        env.update(JUJU_ACTION_NAME=name, JUJU_ACTION_UUID="42",
                   JUJU_ACTION_TAG="action-42")
    if hook.get("relation"):
        rid = hook["relation"]
        env.update(JUJU_RELATION=rid.split(":")[0], JUJU_RELATION_ID=rid,
                   JUJU_REMOTE_APP=state["relations"][rid]["app"],
                   JUJU_REMOTE_UNIT=hook.get("unit") or "")
        if hook.get("departing"):
            env["JUJU_DEPARTING_UNIT"] = hook["departing"]
    if hook.get("secret"):
        secret = state["secrets"][hook["secret"]]
        label = secret.get("labels", {}).get(state["unit"], "")
        env.update(JUJU_SECRET_ID="secret:" + hook["secret"],
                   JUJU_SECRET_LABEL=label)
    if hook.get("storage"):
        env.update(JUJU_STORAGE_ID=hook["storage"],
                   JUJU_STORAGE_KIND="filesystem",
                   JUJU_STORAGE_LOCATION=state["storage"][hook["storage"]])
    env.update(state["environment"])
    return env


def handler(charm, kind, name):
    """The file that is run; None: there is none, which is no error."""
    if not os.path.exists(os.path.join(charm, "metadata.yaml")):
        raise Refused(1, "charm missing from disk")
    dispatch = os.path.join(charm, "dispatch")
    if os.path.exists(dispatch):
        return dispatch
    path = os.path.join(charm, kind + "s", name)
    return path if os.path.exists(path) else None


def execute(agent, path, env, kill_after):
    """Exit status, None when killed, and what was printed."""
    with subprocess.Popen([path], env=env, cwd=env["CHARM_DIR"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        killed = False
        try:
            out, errors = child.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            # as Juju does: this one process, not its children
            child.send_signal(signal.SIGKILL)
            killed = True
            out, errors = child.communicate()
    code = None if killed else child.returncode
    return code, out.decode("utf-8", "replace"), \
        errors.decode("utf-8", "replace")


def flush(state, context):
    for key in ("relations", "state"):
        state[key] = context.state[key]


def report(context, code, out, errors):
    return {"exit": code, "stdout": out, "stderr": errors,
            "status": context.kept["status"], "statuses": context.messages,
            "log": context.log, "calls": context.calls}


def run_hook(charm, state, name, **hook):
    charm, state = os.path.abspath(charm), complete(state)
    context = Context(charm, state, hook=hook)
    path = handler(charm, "hook", name)
    if path is None:
        return dict(report(context, 0, "", ""), skipped=True)
    with Agent(context) as agent:
        env = environment(agent, charm, state, "hook", name, hook)
        code, out, errors = execute(agent, path, env, None)
    if code == 0:
        flush(state, context)
    if name.endswith("-relation-broken") and code == 0:
        del state["relations"][hook["relation"]]
    done = report(context, code, out, errors)
    if code != 0:
        done["failed"] = 'hook failed: "%s"' % name
    return done


def run_action(charm, state, name, params=None, kill_after=None):
    charm, state = os.path.abspath(charm), complete(state)
    try:
        params = check_params(charm, name, params or {})
    except Refused as refused:
        return {"action-status": "error", "message": refused.text,
                "results": {}}
    context = Context(charm, state, action=params)
    path = handler(charm, "action", name)
    if path is None:
        return {"action-status": "failed", "results": {}, "message":
                'action not implemented on unit "%s"' % state["unit"]}
    with Agent(context) as agent:
        env = environment(agent, charm, state, "action", name, {})
        code, out, errors = execute(agent, path, env, kill_after)
    done = report(context, code, out, errors)
    done["results"] = context.results
    done["results"]["return-code"] = -1 if code is None else code
    for key, text in (("stdout", out), ("stderr", errors)):
        if text:
            done["results"][key] = text
    done["message"] = ""
    if code is None:
        done["action-status"] = "aborted"
    elif code != 0:
        done["action-status"] = "failed"
        done["message"] = "exit status %d" % code
    else:
        flush(state, context)
        done["action-status"] = "completed" if context.failed is None \
            else "failed"
        done["message"] = context.failed or ""
    return done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--charm", default=".")
    parser.add_argument("state")
    kinds = parser.add_subparsers(dest="kind", required=True)
    hook = kinds.add_parser("hook")
    hook.add_argument("name")
    for flag in ("relation", "unit", "departing", "secret", "storage"):
        hook.add_argument("--" + flag)
    action = kinds.add_parser("action")
    action.add_argument("name")
    action.add_argument("params", nargs="*")
    action.add_argument("--kill-after", type=float)
    args = parser.parse_args()

    with open(args.state, encoding="utf-8") as file:
        state = json.load(file)
    if args.kind == "hook":
        done = run_hook(args.charm, state, args.name, relation=args.relation,
                        unit=args.unit, departing=args.departing,
                        secret=args.secret, storage=args.storage)
    else:
        params = dict(p.partition("=")[::2] for p in args.params)
        done = run_action(args.charm, state, args.name,
                          {k: _scalar(v) if v else v
                           for k, v in params.items()},
                          args.kill_after)
    with open(args.state + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1, sort_keys=True)
    os.replace(args.state + ".new", args.state)
    json.dump(done, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    try:
        main()
    except Refused as said:
        sys.exit("ERROR " + said.text)
