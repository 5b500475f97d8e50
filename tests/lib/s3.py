#!/usr/bin/env python3
"""s3.py - a small S3 client of its own, to fill buckets and to compare them.

It shares no code with the program under test: Python's standard library,
Signature Version 4 written out, keys as bytes everywhere.

Where: the environment's S3_ENDPOINT, S3_ACCESS, S3_SECRET, S3_CA (PEM file of
the authority, for https).

  mb BUCKET                     make a bucket (nothing to do if it is ours)
  rb BUCKET                     remove it with all that is in it
  put BUCKET KEY [FILE]         [-H NAME=VALUE] [-M NAME=VALUE] [-T NAME=VALUE]
  get BUCKET KEY [FILE]
  head BUCKET KEY               one JSON line
  rm BUCKET KEY...
  empty BUCKET [PREFIX]         remove every object
  ls BUCKET [PREFIX]            one JSON line an object: key, size, etag, ...
  dump BUCKET [PREFIX]          the same with sha256, headers, meta, tags, and
                                without what a copy cannot keep (etag, time)
  load BUCKET                   JSON lines from stdin, as dump writes them, with
                                "data", "data-base64", or "size" and "seed".
                                What the server refuses: named, exit status 4
  fill BUCKET COUNT MIN MAX [SEED]      small objects, as pipelines write them
  big BUCKET KEY SIZE KIND      multipart; KIND: random, zeros, text
  uploads BUCKET                unfinished multipart uploads
  leave-upload BUCKET KEY       begin one and leave it
  policy BUCKET FILE            set a bucket policy
  mb-locked BUCKET DAYS         make one whose objects are locked so long
  versions BUCKET               one JSON line a version or delete marker
  mirror BUCKET BUCKET2         copy all objects as they are
  presign BUCKET METHOD         for each key, a line of stdin: a path that needs
                                no other signature, for an hour
"""
import base64
import concurrent.futures
import datetime
import hashlib
import hmac
import http.client
import json
import os
import queue
import random
import ssl
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as ET

THREADS = int(os.environ.get("S3_THREADS", "12"))
HEADERS = ["content-type", "content-encoding", "content-disposition",
           "content-language", "cache-control", "expires"]


class S3Error(Exception):
    def __init__(self, status, body, what):
        self.status = status
        super().__init__("%s: HTTP %d %s" % (
            what, status, body[:300].decode("utf-8", "replace")))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def quote(data, safe="-_.~"):
    return urllib.parse.quote(data, safe=safe)


def hmac256(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Client:
    """One endpoint; a kept connection for each thread."""

    def __init__(self, endpoint, access, secret, ca=None, region="us-east-1"):
        url = urllib.parse.urlsplit(endpoint)
        self.tls = url.scheme == "https"
        self.host, self.port = url.hostname, url.port
        self.netloc = url.netloc
        self.access, self.secret, self.region = access, secret, region
        self.context = None
        if self.tls:
            self.context = ssl.create_default_context(cafile=ca)
        self.local = threading.local()

    def connection(self, fresh=False):
        conn = getattr(self.local, "conn", None)
        if conn is None or fresh:
            if conn is not None:
                conn.close()
            if self.tls:
                conn = http.client.HTTPSConnection(
                    self.host, self.port, timeout=120, context=self.context)
            else:
                conn = http.client.HTTPConnection(
                    self.host, self.port, timeout=120)
            self.local.conn = conn
        return conn

    def sign(self, method, path, query, headers, payload_hash):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        day = stamp[:8]
        headers = {k.lower().encode(): v if isinstance(v, bytes)
                   else v.encode() for k, v in headers.items()}
        headers[b"host"] = self.netloc.encode()
        headers[b"x-amz-date"] = stamp.encode()
        headers[b"x-amz-content-sha256"] = payload_hash.encode()
        names = sorted(headers)
        canonical = b"\n".join([
            method.encode(), path.encode(), query.encode(),
            b"".join(n + b":" + b" ".join(headers[n].split()) + b"\n"
                     for n in names),
            b";".join(names), payload_hash.encode()])
        scope = "%s/%s/s3/aws4_request" % (day, self.region)
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                             sha256(canonical)])
        headers[b"authorization"] = (
            "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s"
            % (self.access, scope, b";".join(names).decode(),
               self.signature(day, to_sign))).encode()
        del headers[b"host"]
        return headers

    def presign(self, method, bucket, key):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        scope = "%s/%s/s3/aws4_request" % (stamp[:8], self.region)
        path = "/%s/%s" % (quote(bucket), quote(key, "/-_.~"))
        query = "&".join("X-Amz-%s=%s" % (name, quote(value)) for
                         name, value in (
                             ("Algorithm", "AWS4-HMAC-SHA256"),
                             ("Credential", self.access + "/" + scope),
                             ("Date", stamp), ("Expires", "3600"),
                             ("SignedHeaders", "host")))
        canonical = "\n".join([method, path, query, "host:" + self.netloc, "",
                               "host", "UNSIGNED-PAYLOAD"])
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                             sha256(canonical.encode())])
        return "%s?%s&X-Amz-Signature=%s" % (
            path, query, self.signature(stamp[:8], to_sign))

    def signature(self, day, to_sign):
        key = hmac256(("AWS4" + self.secret).encode(), day.encode())
        for part in (self.region, "s3", "aws4_request"):
            key = hmac256(key, part.encode())
        return hmac256(key, to_sign.encode()).hex()

    def request(self, method, bucket, key=b"", query=None, headers=None,
                body=b"", ok=(200, 204, 206), sink=None):
        path = "/" + quote(bucket)
        if key:
            path += "/" + quote(key, "/-_.~")
        pairs = sorted((quote(k), quote(v)) for k, v in (query or {}).items())
        text = "&".join("%s=%s" % p for p in pairs)
        payload = sha256(body)
        signed = self.sign(method, path, text, headers or {}, payload)
        url = path + ("?" + text if text else "")
        for attempt in (0, 1, 2):
            try:
                conn = self.connection(fresh=attempt > 0)
                conn.putrequest(method, url, skip_accept_encoding=True)
                for name, value in signed.items():
                    conn.putheader(name.decode(), value)
                if body or method in ("PUT", "POST"):
                    conn.putheader("content-length", str(len(body)))
                conn.endheaders(body or None)
                resp = conn.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                if attempt == 2:
                    raise
        if resp.status not in ok:
            data = resp.read()
            raise S3Error(resp.status, data, "%s %s" % (method, url))
        if sink:
            while True:
                block = resp.read(1 << 20)
                if not block:
                    break
                sink(block)
            data = b""
        else:
            data = resp.read()
        if resp.length:  # http.client keeps what is still to come
            raise S3Error(resp.status, b"body cut short", url)
        found = {}
        for name, value in resp.headers.items():
            raw = value.encode("latin-1", "surrogateescape")
            name = name.lower()
            found[name] = found[name] + b"," + raw if name in found else raw
        return found, data

    # --- buckets

    def make(self, bucket):
        try:
            self.request("PUT", bucket)
        except S3Error as e:
            if e.status != 409:
                raise

    def list(self, bucket, prefix=b""):
        token = None
        while True:
            query = {"list-type": b"2", "encoding-type": b"url",
                     "prefix": prefix}
            if token:
                query["continuation-token"] = token
            root = parse(self.request("GET", bucket, query=query)[1])
            for item in root.iter("Contents"):
                yield {"key": unurl(item.findtext("Key")),
                       "size": int(item.findtext("Size")),
                       "etag": item.findtext("ETag").strip('"'),
                       "last-modified": item.findtext("LastModified")}
            if root.findtext("IsTruncated") != "true":
                return
            token = root.findtext("NextContinuationToken").encode()

    def make_locked(self, bucket, days):
        self.request("PUT", bucket,
                     headers={"x-amz-bucket-object-lock-enabled": b"true"})
        body = ("<ObjectLockConfiguration><ObjectLockEnabled>Enabled"
                "</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE"
                "</Mode><Days>%d</Days></DefaultRetention></Rule>"
                "</ObjectLockConfiguration>" % int(days)).encode()
        md5 = base64.b64encode(hashlib.md5(body).digest())
        self.request("PUT", bucket, query={"object-lock": b""}, body=body,
                     headers={"content-md5": md5})

    def versions(self, bucket):
        root = parse(self.request("GET", bucket, query={
            "versions": b"", "encoding-type": b"url"})[1])
        for kind in ("Version", "DeleteMarker"):
            for item in root.iter(kind):
                yield {"kind": kind, "key": unurl(item.findtext("Key"))}

    def uploads(self, bucket):
        root = parse(self.request("GET", bucket, query={
            "uploads": b"", "encoding-type": b"url"})[1])
        for item in root.iter("Upload"):
            yield {"key": unurl(item.findtext("Key")),
                   "upload-id": item.findtext("UploadId"),
                   "initiated": item.findtext("Initiated")}

    # --- objects

    def put(self, bucket, key, body, headers=None, meta=None, tags=None):
        self.request("PUT", bucket, key, body=body,
                     headers=wire(headers, meta, tags))

    def multipart(self, bucket, key, parts, headers=None):
        root = parse(self.request("POST", bucket, key, query={"uploads": b""},
                                  headers=headers)[1])
        upload = root.findtext("UploadId").encode()
        etags = []
        for number, body in enumerate(parts, 1):
            got, _ = self.request("PUT", bucket, key, body=body, query={
                "partNumber": str(number).encode(), "uploadId": upload})
            etags.append(got["etag"].decode())
        text = "<CompleteMultipartUpload>%s</CompleteMultipartUpload>" % (
            "".join("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>"
                    % pair for pair in enumerate(etags, 1)))
        self.request("POST", bucket, key, query={"uploadId": upload},
                     body=text.encode())

    def tags(self, bucket, key):
        try:
            data = self.request("GET", bucket, key, query={"tagging": b""})[1]
        except S3Error as e:
            if e.status in (404, 501):
                return {}
            raise
        return {t.findtext("Key"): t.findtext("Value") or ""
                for t in parse(data).iter("Tag")}

    def describe(self, bucket, key, content=True):
        """All that a faithful copy must keep."""
        digest, size = hashlib.sha256(), [0]

        def take(block):
            digest.update(block)
            size[0] += len(block)

        got, _ = self.request("GET" if content else "HEAD", bucket, key,
                              sink=take)
        line = keyed("key", key)
        if content:
            line["size"] = size[0]
            line["sha256"] = digest.hexdigest()
        else:
            line["size"] = int(got["content-length"])
            line["etag"] = got["etag"].decode().strip('"')
        line["headers"] = {}
        for name in HEADERS:
            if name in got:
                line["headers"].update(keyed(name, got[name]))
        line["meta"] = {}
        for name in sorted(got):
            if name.startswith("x-amz-meta-"):
                line["meta"].update(keyed(name[11:], got[name]))
        line["tags"] = self.tags(bucket, key)
        return line


def parse(data):
    root = ET.fromstring(data)
    for node in root.iter():
        node.tag = node.tag.split("}")[-1]
    return root


def unurl(text):
    return urllib.parse.unquote_to_bytes((text or "").replace("+", " "))


def keyed(name, value):
    """{name: text}, or {name-base64: ...} where it is not UTF-8."""
    try:
        return {name: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {name + "-base64": base64.b64encode(value).decode()}


def unkeyed(line, name):
    if name + "-base64" in line:
        return base64.b64decode(line[name + "-base64"])
    value = line.get(name)
    return None if value is None else value.encode("utf-8")


def unpairs(pairs):
    out = {}
    for name, value in (pairs or {}).items():
        if name.endswith("-base64"):
            out[name[:-7]] = base64.b64decode(value)
        else:
            out[name] = value.encode() if isinstance(value, str) else value
    return out


def wire(headers, meta, tags):
    out = dict(unpairs(headers))
    for name, value in unpairs(meta).items():
        out["x-amz-meta-" + name] = value
    if tags:
        out["x-amz-tagging"] = "&".join(
            "%s=%s" % (quote(k.encode()), quote(v.encode()))
            for k, v in tags.items()).encode()
    return out


def show(line):
    line = dict(line)
    if isinstance(line.get("key"), bytes):
        line = {**keyed("key", line.pop("key")), **line}
    print(json.dumps(line, ensure_ascii=True))


def in_order(fn, items):
    """fn of each, by many threads, results in order, few kept at a time."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        pending = queue.Queue()
        for item in items:
            pending.put(pool.submit(fn, item))
            if pending.qsize() > 8 * THREADS:
                yield pending.get().result()
        while not pending.empty():
            yield pending.get().result()


def pseudo(seed, size):
    return random.Random(seed).randbytes(size)


# --- commands

def cmd_load(c, bucket):
    refused = []

    def one(text):
        line = json.loads(text)
        if "seed" in line:
            body = pseudo(line["seed"], line["size"])
        else:
            body = unkeyed(line, "data") or b""
        key = unkeyed(line, "key")
        try:
            c.put(bucket, key, body, line.get("headers"), line.get("meta"),
                  line.get("tags"))
        except S3Error as e:
            if not 400 <= e.status < 500:
                raise
            refused.append(key)
            sys.stderr.write("refused: %.60r: %d\n" % (key, e.status))

    lines = (text for text in sys.stdin if text.strip())
    for _ in in_order(one, lines):
        pass
    return 4 if refused else 0


def pipeline_key(i):
    names = ["main.log", "mlpipeline-metrics.tgz", "executor-output.json",
             "mlpipeline-ui-metadata.tgz", "train-model_Output.tgz",
             "dataset.csv"]
    run, name = divmod(i, len(names))
    mark = hashlib.md5(str(run).encode()).hexdigest()
    return ("artifacts/%s/2026/%02d/%02d/pipeline-%s-%05d-%s/%s" % (
        ["kubeflow", "team-a", "team-b"][run % 3], 1 + run % 12, 1 + run % 28,
        mark[:5], run, mark[5:13], names[name])).encode()


def cmd_fill(c, bucket, count, low, high, seed="7"):
    pool = pseudo(seed, 8 << 20)
    words = (b"2026-11-20T16:28:00Z INFO step %d loss=0.0123 accuracy=0.99\n"
             * 600)

    def one(i):
        rng = random.Random("%s-%d" % (seed, i))
        size = rng.randint(int(low), int(high))
        at = rng.randrange(0, len(pool) - size)
        body = pool[at:at + size]
        if i % 6 == 0:  # a log
            body = (b"%d " % i + words)[:size]
        c.put(bucket, pipeline_key(i), body)

    for _ in in_order(one, range(int(count))):
        pass


def cmd_big(c, bucket, key, size, kind, part=16 << 20):
    size = int(size)

    def parts():
        for at in range(0, size, part):
            n = min(part, size - at)
            if kind == "random":
                yield os.urandom(n)
            elif kind == "zeros":
                yield bytes(n)
            else:
                line = b"%016d the quick brown fox jumps\n" % at
                yield (line * (n // len(line) + 1))[:n]

    c.multipart(bucket, key, parts())


def cmd_dump(c, bucket, prefix=b""):
    keys = (o["key"] for o in c.list(bucket, prefix))
    for line in in_order(lambda k: c.describe(bucket, k), keys):
        show(line)


def cmd_empty(c, bucket, prefix=b""):
    keys = [o["key"] for o in c.list(bucket, prefix)]
    for _ in in_order(lambda k: c.request("DELETE", bucket, k), keys):
        pass


def cmd_rb(c, bucket):
    cmd_empty(c, bucket)
    c.request("DELETE", bucket)


def cmd_mirror(c, bucket, other):
    def one(key):
        line = c.describe(bucket, key)
        c.put(other, key, c.request("GET", bucket, key)[1], line["headers"],
              line["meta"], line["tags"])

    keys = [o["key"] for o in c.list(bucket)]
    for _ in in_order(one, keys):
        pass


def cmd_put(c, bucket, key, args):
    groups, rest = {"-H": {}, "-M": {}, "-T": {}}, []
    args = list(args)
    while args:
        arg = args.pop(0)
        if arg in groups:
            name, _, value = args.pop(0).partition("=")
            groups[arg][name] = value
        else:
            rest.append(arg)
    if rest and rest[0] != "-":
        with open(rest[0], "rb") as f:
            body = f.read()
    else:
        body = sys.stdin.buffer.read()
    c.put(bucket, key, body, groups["-H"], groups["-M"], groups["-T"])


def cmd_get(c, bucket, key, to="-"):
    out = sys.stdout.buffer if to == "-" else open(to, "wb")
    c.request("GET", bucket, key, sink=out.write)
    out.flush()


def main(argv):
    if len(argv) < 2 or argv[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 2
    env = os.environ
    c = Client(env["S3_ENDPOINT"], env["S3_ACCESS"], env["S3_SECRET"],
               env.get("S3_CA"))
    cmd, bucket, rest = argv[0], argv[1], argv[2:]
    first = os.fsencode(rest[0]) if rest else b""
    if cmd == "mb":
        c.make(bucket)
    elif cmd == "rb":
        cmd_rb(c, bucket)
    elif cmd == "put":
        cmd_put(c, bucket, first, rest[1:])
    elif cmd == "get":
        cmd_get(c, bucket, first, *rest[1:])
    elif cmd == "head":
        show(c.describe(bucket, first, content=False))
    elif cmd == "rm":
        for key in rest:
            c.request("DELETE", bucket, os.fsencode(key))
    elif cmd == "empty":
        cmd_empty(c, bucket, first)
    elif cmd == "ls":
        for line in c.list(bucket, first):
            show(line)
    elif cmd == "dump":
        cmd_dump(c, bucket, first)
    elif cmd == "load":
        return cmd_load(c, bucket)
    elif cmd == "fill":
        cmd_fill(c, bucket, *rest)
    elif cmd == "big":
        cmd_big(c, bucket, first, *rest[1:])
    elif cmd == "uploads":
        for line in c.uploads(bucket):
            show(line)
    elif cmd == "leave-upload":
        c.request("POST", bucket, first, query={"uploads": b""})
    elif cmd == "policy":
        with open(rest[0], "rb") as f:
            c.request("PUT", bucket, query={"policy": b""}, body=f.read())
    elif cmd == "mb-locked":
        c.make_locked(bucket, rest[0])
    elif cmd == "versions":
        for line in c.versions(bucket):
            show(line)
    elif cmd == "presign":
        for line in sys.stdin.buffer:
            print(c.presign(rest[0], bucket, line.rstrip(b"\n")))
    elif cmd == "mirror":
        cmd_mirror(c, bucket, rest[0])
    else:
        sys.stderr.write("s3.py: no command '%s'\n" % cmd)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (S3Error, OSError, http.client.HTTPException) as e:
        sys.stderr.write("s3.py: %s\n" % e)
        sys.exit(1)
