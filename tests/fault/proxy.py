#!/usr/bin/env python3
"""proxy.py - stands in front of an S3 server: counts, and breaks to order.

  proxy.py --to HOST:PORT --port-file FILE --log FILE [--rules FILE]
  proxy.py --forward --port-file FILE --log FILE      an ordinary HTTP proxy

Every request is one JSON line in the log: n, method, path, query, status,
sent and received bytes.  The rules file holds a JSON list; it is read again
when it changes.  The first rule that fits does its work:

  method, path, query   regular expressions that must be found
  unless                the rule fits no request with a header that begins so
  skip, times           leave the first few alone; then only so often
  above                 only while more requests than that are under way
  do                    "status"    answer code, with body and headers
                        "reset"     close the connection without an answer
                        "headers"   forward, answer no more than the headers
                        "truncate"  the right length announced, half the body
                        "excess"    more bytes than the length announced
                        "longer"    more bytes than the object has
                        "trickle"   the first bytes each wait seconds
                        "silent"    forward, then say nothing
                        "lose"      forward, then close without an answer
                        "delay"     wait seconds first, then forward
                        "run"       run command first (a list), then forward
                        "header"    forward, then replace headers of the answer
                                    (null: take away)
                        "edit"      forward, then edit(body) of the answer

A test in Python gives Server an object with find() in place of the rules; the
body of "status" may then be a function of the query, and "call" is a function
that is called at the moment when the rule strikes.
"""
import argparse
import http.client
import http.server
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection"}


class Rules:
    def __init__(self, path):
        self.path, self.stamp, self.rules = path, None, []
        self.lock = threading.Lock()

    def reload(self):
        try:
            stamp = os.stat(self.path).st_mtime_ns
            if stamp != self.stamp:
                with open(self.path, encoding="utf-8") as f:
                    self.rules = [dict(r, seen=0) for r in json.load(f)]
                self.stamp = stamp
        except (OSError, ValueError):
            pass

    def find(self, method, path, query):
        with self.lock:
            if self.path:
                self.reload()
            for rule in self.rules:
                if not (re.search(rule.get("method", ""), method) and
                        re.search(rule.get("path", ""), path) and
                        re.search(rule.get("query", ""), query)):
                    continue
                rule["seen"] += 1
                skip, times = rule.get("skip", 0), rule.get("times", 1 << 60)
                if skip < rule["seen"] <= skip + times:
                    return rule
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    count, active, lock = 0, 0, threading.Lock()

    def log_message(self, *args):
        pass

    def note(self, status, received, sent):
        path, _, query = self.path.partition("?")
        with Handler.lock:
            Handler.count += 1
            self.server.log.write(json.dumps({
                "n": Handler.count, "method": self.command, "path": path,
                "query": query, "status": status, "received": received,
                "sent": sent, "time": round(time.time(), 3)}) + "\n")
            self.server.log.flush()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def answer(self, status, headers, body):
        lines = ["HTTP/1.1 %d %s" % (status, http.client.responses.get(
            status, "Unknown"))]
        lines += ["%s: %s" % pair for pair in headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.connection.sendall(head + body)

    def any(self):
        with Handler.lock:
            Handler.active += 1
        try:
            self.serve()
        finally:
            with Handler.lock:
                Handler.active -= 1

    def serve(self):
        path, _, query = self.path.partition("?")
        rule = self.server.rules.find(self.command, path, query) or {}
        if Handler.active <= rule.get("above", -1):
            rule = {}
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "unless" in rule and any(name.lower().startswith(rule["unless"])
                                    for name in self.headers):
            rule = {}
        do = rule.get("do")
        if do == "reset":
            rule.get("call", int)()
            self.note(0, len(body), 0)
            return self.reset()
        if do == "status":
            text = rule.get("body", "")
            text = (text if isinstance(text, str) else text(query)).encode()
            headers = list(rule.get("headers", {}).items())
            headers.append(("content-length", len(text)))
            if self.command == "HEAD":
                text = b""
            self.answer(rule["code"], headers, text)
            return self.note(rule["code"], len(body), len(text))
        if do == "delay":
            time.sleep(rule["seconds"])
        if do == "run":
            subprocess.run(rule["command"], check=True)
        return self.forward(body, rule)

    def upstream(self):
        """Connection and path; kept for the next request of this client."""
        to, path = self.server.to, self.path
        if to is None:
            url = urllib.parse.urlsplit(self.path)
            to = url.netloc
            path = self.path[self.path.index(url.netloc) + len(url.netloc):]
        kept = getattr(self, "kept", None)
        if kept is None or kept[0] != to:
            kept = (to, http.client.HTTPConnection(to, timeout=300))
            self.kept = kept
        return kept[1], path or "/"

    def forward(self, body, rule):
        do = rule.get("do")
        for attempt in (0, 1):
            conn, path = self.upstream()
            try:
                conn.putrequest(self.command, path, skip_host=True,
                                skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in HOP | {"expect"}:
                        conn.putheader(name, value.encode("latin-1"))
                conn.endheaders(body or None)
                resp = conn.getresponse()
                break
            except (OSError, http.client.HTTPException):
                conn.close()
                if attempt:
                    self.note(0, len(body), 0)
                    return self.reset()
        if do in ("lose", "silent"):
            resp.read()
            rule.get("call", int)()
            self.note(resp.status, len(body), 0)
            if do == "silent":
                self.wait_for_the_end()
            return self.reset()
        headers = [(k, v) for k, v in resp.getheaders()
                   if k.lower() not in HOP]
        for name, value in rule.get("headers", {}).items():
            if do == "header":
                headers = [h for h in headers if h[0].lower() != name.lower()]
                if value is not None:
                    headers.append((name, value))
        if do in ("headers", "excess", "longer", "trickle", "edit"):
            return self.mistreat(resp, headers, body, rule)
        return self.relay(resp, headers, body, do == "truncate")

    def wait_for_the_end(self):
        """Until the client has had enough."""
        self.connection.settimeout(60)
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def mistreat(self, resp, headers, sent, rule):
        """An answer that is known as a whole before it is spoilt."""
        do = rule["do"]
        text = resp.read()
        if do == "edit":
            text = rule["edit"](text)
        length = len(text) + (7 if do == "longer" else 0)
        headers = [h for h in headers if h[0].lower() != "content-length"]
        if self.command == "HEAD":
            length = resp.headers.get("content-length", "0")
        headers.append(("content-length", length))
        if self.command == "HEAD":
            text = b""
        elif do in ("excess", "longer"):
            text += b"surplus"
        self.note(resp.status, len(sent), len(text))
        if do == "headers":
            self.answer(resp.status, headers, b"")
            return self.reset()
        if do != "trickle":
            self.answer(resp.status, headers, text)
            self.close_connection = do == "excess"
            return None
        self.answer(resp.status, headers, b"")
        slow = min(len(text), rule.get("bytes", len(text)))
        for i in range(slow):
            self.connection.sendall(text[i:i + 1])
            time.sleep(rule["seconds"])
        self.connection.sendall(text[slow:])
        return None

    def relay(self, resp, headers, body, cut):
        chunked = self.command != "HEAD" and resp.status not in (
            204, 304) and resp.length is None
        if chunked:
            headers.append(("transfer-encoding", "chunked"))
        total, sent = resp.length or 0, 0
        first = b"" if self.command == "HEAD" else resp.read(256 << 10)
        if cut:
            self.answer(resp.status, headers, first[:total // 2])
            self.note(resp.status, len(body), min(len(first), total // 2))
            return self.reset_after()
        block, head = first, True
        while head or block:
            data = block
            if chunked:
                data = b"%x\r\n%s\r\n" % (len(block), block) if block else b""
            if head:
                self.answer(resp.status, headers, data)
                head = False
            else:
                self.connection.sendall(data)
            sent += len(block)
            block = b"" if self.command == "HEAD" else resp.read(256 << 10)
        if chunked:
            self.connection.sendall(b"0\r\n\r\n")
        self.note(resp.status, len(body), sent)

    def reset_after(self):
        self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            self.answer(200, [], b"")
            self.note(200, 0, 0)
            pair = [self.connection, far]
            while True:
                for s in select.select(pair, [], [], 300)[0]:
                    data = s.recv(1 << 16)
                    if not data:
                        self.close_connection = True
                        return
                    pair[1 - pair.index(s)].sendall(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, to, rules, log):
        super().__init__(("127.0.0.1", 0), Handler)
        self.to, self.rules, self.log = to, rules, log

    def handle_error(self, request, client_address):
        kind = sys.exc_info()[0]
        if not issubclass(kind, (ConnectionError, ValueError)):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to")
    p.add_argument("--forward", action="store_true")
    p.add_argument("--port-file", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--rules")
    args = p.parse_args()
    server = Server(None if args.forward else args.to, Rules(args.rules),
                    open(args.log, "a", encoding="utf-8"))
    with open(args.port_file + ".new", "w", encoding="utf-8") as f:
        f.write("%d\n" % server.server_address[1])
    os.replace(args.port_file + ".new", args.port_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
