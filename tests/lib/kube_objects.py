#!/usr/bin/env python3
"""kube_objects.py - a small Kubeflow of objects in an API server.

    kube_objects.py DIR make N      kinds, two users, N config maps besides
    kube_objects.py DIR wipe        delete all that make made
    kube_objects.py DIR dump        what is there, without what a server gives

DIR is kube_start's.
"""
import concurrent.futures
import http.client
import json
import ssl
import sys
import threading
import time

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
KINDS = [  # group, plural, kind, scope, versions (the last one is stored)
    ("kubeflow.org", "profiles", "Profile", "Cluster", ["v1beta1", "v1"]),
    ("kubeflow.org", "notebooks", "Notebook", "Namespaced",
     ["v1alpha1", "v1beta1", "v1"]),
    ("argoproj.io", "workflows", "Workflow", "Namespaced", ["v1alpha1"]),
    ("serving.kubeflow.org", "inferenceservices", "InferenceService",
     "Namespaced", ["v1beta1"]),
]
NASTY = {
    "plain": "text", "empty": "", "yes": "yes", "null": "null", "tilde": "~",
    "octal": "0o17", "old-octal": "010", "sexagesimal": "12:30:45",
    "date": "2026-11-20", "float": "1e3", "lines": "one\n  two\n\nthree\n",
    "no-end": "a\nb", "blank-end": "a\n\n", "tabs": "\tx\ty ", "cr": "a\r\nb",
    "quotes": "'\"\\ ", "signs": "- : # & * ! | > % @ `", "dash": "---",
    "umlaut": "Grüße ☃ 𝄞", "next-line": "a\u0085b\u2028c\u2029d",
    "control": "\u0001\u001f\u007f\u0090", "mark": "\ufeffx",
    "long": "x" * 100000, "percent": "%YAML 1.2", "merge": "<<", "eq": "=",
}


class Api:
    def __init__(self, folder):
        def get(name):
            with open("%s/%s" % (folder, name)) as f:
                return f.read().strip()
        self.port = int(get("port.txt"))
        self.token = get("token.txt")
        self.tls = ssl.create_default_context(cafile=folder + "/ca.pem")
        self.local = threading.local()

    def call(self, method, path, body=None, may_fail=False):
        c = getattr(self.local, "c", None)
        if c is None:
            c = self.local.c = http.client.HTTPSConnection(
                "127.0.0.1", self.port, context=self.tls, timeout=60)
        c.request(method, path, json.dumps(body) if body else None, {
            "Authorization": "Bearer " + self.token,
            "Content-Type": "application/merge-patch+json"
                            if method == "PATCH" else "application/json"})
        r = c.getresponse()
        text = r.read()
        if r.status >= 300 and not may_fail:
            sys.exit("%s %s: %d %s" % (method, path, r.status, text[:400]))
        return json.loads(text) if text.startswith(b"{") else {}


def meta(name, namespace=None, **more):
    m = {"name": name}
    if namespace:
        m["namespace"] = namespace
    m.update(more)
    return m


def definition(group, plural, kind, scope, versions):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": meta(plural + "." + group),
        "spec": {
            "group": group, "scope": scope,
            "names": {"plural": plural, "singular": kind.lower(),
                      "kind": kind},
            "versions": [{
                "name": v, "served": True, "storage": v == versions[-1],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": OPEN, "status": OPEN}}},
            } for v in versions]}}


def plural_of(o):
    for group, plural, kind, _, _ in KINDS:
        if o["kind"] == kind:
            return plural
    return o["kind"].lower() + {"NetworkPolicy": ""}.get(o["kind"], "s")


def path_of(o):
    v = o["apiVersion"]
    ns = o["metadata"].get("namespace")
    return "%s/%s%s/%s" % ("/apis" if "/" in v else "/api", v,
                           "/namespaces/" + ns if ns else "",
                           plural_of(o).replace("networkpolicy",
                                                "networkpolicies"))


def user_objects(ns):
    labels = {"app": "train", "user": ns}
    yield {"apiVersion": "v1", "kind": "ServiceAccount",
           "metadata": meta("default-editor", ns)}
    yield {"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
           "metadata": meta("s3", ns, labels=labels),
           "data": {"key": "aHVzaC1odXNo"}}
    yield {"apiVersion": "v1", "kind": "ConfigMap",
           "metadata": meta("nasty", ns, annotations=NASTY and {
               "test/yes": "yes", "test/lines": NASTY["lines"]}),
           "data": NASTY, "binaryData": {"bin": "AAECAw=="}}
    yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
           "metadata": meta("workspace", ns, labels=labels),
           "spec": {"accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "10Gi"}}}}
    yield {"apiVersion": "v1", "kind": "Service",
           "metadata": meta("web", ns),
           "spec": {"selector": {"app": "web"},
                    "ports": [{"port": 80, "name": "http"}]}}
    yield {"apiVersion": "v1", "kind": "Service",
           "metadata": meta("headless", ns),
           "spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    yield {"apiVersion": "apps/v1", "kind": "Deployment",
           "metadata": meta("web", ns),
           "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}},
                    "template": {
                        "metadata": {"labels": {"a": "b"}},
                        "spec": {"containers": [
                            {"name": "c", "image": "i", "env": [
                                {"name": "N", "value": "0123"}]}]}}}}
    yield {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
           "metadata": meta("system:x", ns),
           "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                       "kind": "ClusterRole", "name": "view"},
           "subjects": [{"kind": "ServiceAccount", "name": "default-editor",
                         "namespace": ns}]}
    yield {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
           "metadata": meta("shut", ns), "spec": {"podSelector": {}}}
    yield {"apiVersion": "kubeflow.org/v1", "kind": "Notebook",
           "metadata": meta("nb", ns, labels=labels),
           "spec": {"template": {"n": 12345678901234567890, "f": 1.5,
                                 "x": "0x10", "list": [], "map": {}}}}
    for name, phase in ("done", "Succeeded"), ("waiting", "Pending"):
        yield {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
               "metadata": meta(name, ns), "spec": {"entrypoint": "main"},
               "status": {"phase": phase}}
    yield {"apiVersion": "serving.kubeflow.org/v1beta1",
           "kind": "InferenceService", "metadata": meta("model", ns),
           "spec": {"predictor": {"storageUri": "s3://models/1"}}}


def each(function, items):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(function, items))


def wait_served(api):
    for group, plural, _, scope, versions in KINDS:
        path = "/apis/%s/%s/%s" % (group, versions[-1], plural)
        while "items" not in api.call("GET", path, may_fail=True):
            time.sleep(0.05)


def make(api, n):
    def post(o):
        api.call("POST", path_of(o), o)
    for kind in KINDS:
        post(definition(*kind))
    wait_served(api)
    for user in "alice", "bob":
        post({"apiVersion": "kubeflow.org/v1", "kind": "Profile",
              "metadata": meta(user),
              "spec": {"owner": {"kind": "User", "name": user + "@x.org"}}})
        post({"apiVersion": "v1", "kind": "Namespace",
              "metadata": meta(user, labels={"part-of": "profile"})})
        each(post, list(user_objects(user)))
        owner = api.call(
            "GET", "/apis/kubeflow.org/v1/namespaces/%s/notebooks/nb" % user)
        post({"apiVersion": "v1", "kind": "ConfigMap",
              "metadata": meta("owned", user, ownerReferences=[{
                  "apiVersion": "kubeflow.org/v1", "kind": "Notebook",
                  "name": "nb", "uid": owner["metadata"]["uid"]}]),
              "data": {"a": "b"}})
    each(post, [{"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": meta("many-%05d" % i, "alice"),
                 "data": {"n": str(i)}} for i in range(n)])


def resources(api):
    yield "/api/v1/namespaces/%s/", ["serviceaccounts", "secrets",
                                     "configmaps", "persistentvolumeclaims",
                                     "services"]
    yield "/apis/apps/v1/namespaces/%s/", ["deployments"]
    yield "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/", ["rolebindings"]
    yield "/apis/networking.k8s.io/v1/namespaces/%s/", ["networkpolicies"]
    for group, plural, _, scope, versions in KINDS:
        if scope == "Namespaced":
            yield "/apis/%s/%s/namespaces/%%s/" % (group, versions[-1]), \
                [plural]


def clean(o):
    m = o["metadata"]
    for k in ("uid", "resourceVersion", "creationTimestamp", "generation",
              "managedFields"):
        m.pop(k, None)
    for r in m.get("ownerReferences", []):
        r.pop("uid")
    notes = m.get("annotations", {})
    notes.pop("deployment.kubernetes.io/revision", None)
    if not notes:
        m.pop("annotations", None)
    for k in "clusterIP", "clusterIPs":
        if o.get("spec", {}).get(k) not in ("None", ["None"]):
            o.get("spec", {}).pop(k, None)
    o.pop("status", None)
    return o


def dump(api):
    out = {}
    for user in "alice", "bob":
        for path, names in resources(api):
            for name in names:
                at = path % user + name
                for o in api.call("GET", at, may_fail=True).get("items", []):
                    out[at + "/" + o["metadata"]["name"]] = clean(o)
        for at in ("/api/v1/namespaces/" + user,
                   "/apis/kubeflow.org/v1/profiles/" + user):
            o = api.call("GET", at, may_fail=True)
            if "metadata" in o and "uid" in o["metadata"]:
                out[at] = clean(o)
    json.dump(out, sys.stdout, indent=1, sort_keys=True)


def gone(api, names):
    for at in names:
        while "uid" in api.call("GET", at, may_fail=True).get("metadata", {}):
            time.sleep(0.05)


def wipe(api):
    users = ["/api/v1/namespaces/alice", "/api/v1/namespaces/bob"]
    kinds = ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s.%s" %
             (k[1], k[0]) for k in KINDS]
    for user in "alice", "bob":
        # no controller of this cluster takes its finalizer away
        api.call("PATCH", "/api/v1/namespaces/%s/persistentvolumeclaims/"
                 "workspace" % user, {"metadata": {"finalizers": None}}, True)
        for path, names in resources(api):
            for name in names:
                api.call("DELETE", path % user + name, may_fail=True)
    for names in users, kinds:
        for at in names:
            api.call("DELETE", at, may_fail=True)
        gone(api, names)


def main():
    api = Api(sys.argv[1])
    if sys.argv[2] == "make":
        make(api, int(sys.argv[3]))
    elif sys.argv[2] == "wipe":
        wipe(api)
    else:
        dump(api)


main()
