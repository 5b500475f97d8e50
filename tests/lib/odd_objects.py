#!/usr/bin/env python3
"""odd_objects.py [KIND] - JSON lines for s3.py load: objects that are allowed
and that many tools lose, rename or confuse.  KIND: keys, headers, all."""
import base64
import json
import sys

KEYS = [
    b"plain.txt", b"a", b"a/b", b"a/", b"a//b", b"/leading", b"//", b"trail/",
    b"dots/../up", b"../up", b"./here", b"..", b".", b"dir/./x", b"dir/..",
    b"Case", b"case", b"CASE/x", b"case/x", b"sp ace", b" leading space",
    b"trailing space ", b"plus+plus", b"per%cent", b"per%20cent", b"%",
    b"amp&er?sand=1", b"hash#tag", b"semi;colon:comma,", b"quote'\"`",
    b"back\\slash", b"a=b&c=d", b"<xml>&amp;</xml>", b"]]>", b"tilde~",
    b"star*[x]{y}|^", b"$HOME $(id) `id`", b"-rf", b"--help", b"@file",
    b"new\nline", b"tab\tstop", b"return\rkey", b"bell\x07", b"del\x7f",
    b"\x01first", "umlaut-\u00e4\u00f6\u00fc".encode(),
    "nfc-\u00e9".encode(), "nfd-e\u0301".encode(),
    "\u65e5\u672c\u8a9e/\u8a9e".encode(), "emoji-\U0001f4a9".encode(),
    "rtl-\u202eabc".encode(), "nbsp-\u00a0".encode(),
    "bom-\ufeff".encode(), "last-\U0010ffff".encode(),
    b"bytes-\xff\xfe", b"bytes-\xc3", b"overlong-\xc0\xaf",
    b"k" * 1024, b"deep/" * 204 + b"end!", ("\u00e4" * 512).encode(),
    b"con", b"nul.txt", b"a:b", b"x" * 255, b"x" * 256 + b"/" + b"y" * 300,
    b"manifest.json", b"sets/2026-11-20T16:28:00Z/manifest.json",
    b"pack-000001.tar.zst", b"folder/.keep", b"folder", b"zz/last",
]

HEADERS = {
    "content-type": "text/plain; charset=utf-8",
    "content-encoding": "identity",
    "content-disposition": "attachment; filename=\"a b; c.txt\"",
    "content-language": "de, en",
    "cache-control": "max-age=3600, public",
    "expires": "Thu, 01 Jan 2037 00:00:00 GMT",
}

PLACED = [
    ("h/all-headers", dict(headers=HEADERS)),
    ("h/gzip", dict(headers={"content-encoding": "gzip"},
                    data="not really gzip")),
    ("h/zstd", dict(headers={"content-encoding": "zstd"}, data="nor zstd")),
    ("h/no-type", dict()),
    ("m/many", dict(meta={"n%02d" % i: "value %d" % i for i in range(40)})),
    ("m/long", dict(meta={"long": "v" * 1500})),
    ("m/signs", dict(meta={"signs": "a=b&c=\"d\" <e> %20 +;,", "x": "1"})),
    ("m/empty", dict(meta={"empty": "", "full": "x"})),
    ("m/utf8", dict(meta={"utf8": "gr\u00fc\u00dfe \u65e5\u672c"})),
    ("m/name", dict(meta={"a-b_c.d": "odd name", "1": "digit"})),
    ("t/ten", dict(tags={"k%d" % i: "v%d" % i for i in range(10)})),
    ("t/signs", dict(tags={"a b": "c=d", "x/y": "z:+-._@ ", "empty": ""})),
    ("t/utf8", dict(tags={"sch\u00f6n": "w\u00e4re"})),
    ("z/everything", dict(headers=HEADERS, meta={"m": "1"}, tags={"t": "2"},
                          size=70000, seed="z")),
    ("s/empty", dict(size=0, seed="")),
    ("s/one", dict(size=1, seed="1")),
    ("s/pack-limit", dict(size=1 << 20, seed="p")),
    ("s/over-pack-limit", dict(size=(1 << 20) + 1, seed="q")),
    ("s/frame", dict(size=256 << 10, seed="f")),
    ("s/frame-1", dict(size=(256 << 10) - 1, seed="g")),
    ("s/tar-block", dict(size=512, seed="t")),
    ("s/tar-block+1", dict(size=513, seed="u")),
    ("s/two-alike-1", dict(size=5000, seed="alike")),
    ("s/two-alike-2", dict(size=5000, seed="alike")),
]


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "all"
    if kind in ("keys", "all"):
        for i, key in enumerate(KEYS):
            line = {"size": 10 + i * 37, "seed": "k%d" % i}
            try:
                line["key"] = key.decode()
            except UnicodeDecodeError:
                line["key-base64"] = base64.b64encode(key).decode()
            print(json.dumps(line))
    if kind in ("headers", "all"):
        for key, rest in PLACED:
            line = {"key": key, **rest}
            if "data" not in line and "size" not in line:
                line["data"] = "content of " + key
            print(json.dumps(line))


if __name__ == "__main__":
    main()
