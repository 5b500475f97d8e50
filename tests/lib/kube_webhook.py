#!/usr/bin/env python3
"""kube_webhook.py - webhooks of a cluster, for tests.

    kube_webhook.py CERT KEY      print the port, then a line for each call

  /admit/N   an admission webhook that fails N times and then allows
  /deny      one that never allows
  /convert   between v1beta1 ("gpus": 2) and v1 ("resources": {"gpu": 2}) of
             what lies in spec
"""
import http.server
import json
import ssl
import sys

failed = {}


def admit(review, times):
    n = failed[times] = failed.get(times, 0) + 1
    if n <= int(times):
        return None
    return {"apiVersion": review["apiVersion"], "kind": review["kind"],
            "response": {"uid": review["request"]["uid"], "allowed": True}}


def deny(review):
    return {"apiVersion": review["apiVersion"], "kind": review["kind"],
            "response": {"uid": review["request"]["uid"], "allowed": False,
                         "status": {"message": "not on a Friday"}}}


def convert_one(o, version):
    spec = o.get("spec", {})
    if version.endswith("/v1") and "gpus" in spec:
        spec["resources"] = {"gpu": spec.pop("gpus")}
    elif version.endswith("/v1beta1") and "resources" in spec:
        spec["gpus"] = spec.pop("resources")["gpu"]
    o["apiVersion"] = version
    return o


def convert(review):
    asked = review["request"]
    return {"apiVersion": review["apiVersion"], "kind": review["kind"],
            "response": {
                "uid": asked["uid"], "result": {"status": "Success"},
                "convertedObjects": [
                    convert_one(o, asked["desiredAPIVersion"])
                    for o in asked["objects"]]}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        path = self.path.split("?")[0]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        review = json.loads(body)
        if path == "/convert":
            answer = convert(review)
        elif path == "/deny":
            answer = deny(review)
        else:
            answer = admit(review, path.rsplit("/", 1)[1])
        text = json.dumps(answer).encode() if answer else b"out of order"
        print(path, "answered" if answer else "failed", flush=True)
        self.send_response(200 if answer else 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
