#!/usr/bin/env python3
"""report.py - what "make bench" measured, as tables, JSON and a drawing.

  make DIR       DIR/results.jsonl (its form: tests/bench/run) and
                 DIR/machine.json become DIR/results.json, DIR/results.md and
                 DIR/figures.svg; the table is printed
  publish DIR    DIR/results.json and DIR/figures.svg go to bench/, the short
                 table into README.md between its two marks
"""
import html
import json
import os
import re
import shutil
import sys

# What requests cost, here and nowhere else.  PUT: also COPY and POST.
PRICES = {
    "name": "Amazon S3 Standard, us-east-1, list price, requests alone",
    "from": "https://aws.amazon.com/s3/pricing/", "date": "2026-11-21",
    "usd-per-1000": {"PUT": 0.005, "LIST": 0.005, "GET": 0.0004,
                     "HEAD": 0.0004, "other": 0.0004, "DELETE": 0.0}}
KINDS = ("PUT", "GET", "LIST", "HEAD", "DELETE", "other")
PARTS = ("a", "tls-a", "slow", "b", "tls-b", "one", "sqlite", "mariadb",
         "start", "growth", "workers")
OURS = "platform-backup"
BEGIN = "<!-- figures: made by make bench-publish -->"
END = "<!-- figures: end -->"


def is_ours(row):
    return row["tool"].startswith(OURS)


# --- from measurements to rows


def best_of(lines):
    """One row of all rounds: the fastest, with the least CPU time and the
    most memory of any."""
    best = min(lines, key=lambda l: l["wall"])
    row = {k: v for k, v in best.items() if k not in ("round", "status")}
    row["rounds"] = len(lines)
    row["cpu"] = min(l["cpu"] for l in lines)
    row["rss"] = max(l["rss"] for l in lines)
    if "requests" in row:
        total = {kind: sum(s[kind] for s in row["requests"].values())
                 for kind in KINDS}
        row["requests-by-server"] = row["requests"]
        row["requests"] = total
        row["usd"] = round(sum(
            n * PRICES["usd-per-1000"][kind] / 1000
            for kind, n in total.items()), 6)
    return row


def ratio(a, b):
    return round(a / b, 2) if a is not None and b else None


def compare(rows):
    """Each row beside ours of the same workload: how many times as much."""
    for row in rows:
        ours = next((r for r in rows if r["workload"] == row["workload"] and
                     r["tool"] == OURS), None)
        if ours is None or ours is row:
            continue
        row["to-ours"] = {what: ratio(row.get(what), ours.get(what))
                          for what in ("wall", "cpu", "rss", "usd")}


def rows_of(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line["workload"], line["tool"]), []).append(line)
    order = list(groups)
    known = {part: i for i, part in enumerate(PARTS)}
    rows = [best_of(groups[key]) for key in order]
    first = {}
    for i, row in enumerate(rows):
        first.setdefault(row["workload"], i)
    rows.sort(key=lambda r: (known.get(r["part"], len(PARTS)),
                             r["part"] == "growth" and r["objects"],
                             first[r["workload"]], r["tool"] != OURS,
                             not is_ours(r), r.get("floor", False),
                             r["wall"]))
    compare(rows)
    return rows


def goals_of(rows):
    goals = []
    for row in rows:
        goal = row.pop("goal", None)
        if not goal:
            continue
        about = "%s: %s" % (row["workload"], row["tool"])
        if "tool" not in goal:
            goals.append({"about": about, "what": "seconds, at most",
                          "goal": goal["wall"], "is": row["wall"],
                          "met": row["wall"] <= goal["wall"]})
            continue
        other = next((r for r in rows if r["tool"] == goal["tool"] and
                      r["workload"] == row["workload"]), None)
        if other is None:
            continue
        if "faster" in goal:
            value = ratio(other["wall"], row["wall"])
            goals.append({
                "about": about, "what": "times as fast as %s, at least" %
                goal["tool"], "goal": goal["faster"], "is": value,
                "met": value >= goal["faster"]})
        else:
            value = ratio(row["wall"], other["wall"])
            goals.append({
                "about": about, "what": "times the time of %s, at most" %
                goal["tool"], "goal": goal["within"], "is": value,
                "met": value <= goal["within"]})
    return goals


# --- tables


def number(value):
    """Three digits that count, and none behind a hundred."""
    if value is None:
        return ""
    if value >= 100 or value == int(value):
        return "{:,.0f}".format(value)
    return "%.*f" % (1 if value >= 10 else 2 if value >= 0.1 else 4, value)


def seconds(value):
    return number(value) + " s" if value >= 0.1 else \
        number(value * 1000) + " ms"


def money(value):
    """Of a thousand runs: of one it is too little to be read."""
    return "" if value is None else number(value * 1000)


def also_of(row):
    return ", ".join("%s: %s" % (k, number(v))
                     for k, v in row.get("also", {}).items())


def table(rows):
    heads = ["workload", "tool", "wall s", "CPU s", "peak MiB", *KINDS,
             "US$ × 1000", "wall, to ours", "CPU, to ours", "US$, to ours",
             "also"]
    lines = ["| %s |" % " | ".join(heads), "|---" * len(heads) + "|"]
    for row in rows:
        to = row.get("to-ours", {})
        asked = row.get("requests", {})
        cells = [row["workload"], row["tool"], number(row["wall"]),
                 number(row["cpu"]), number(row["rss"])]
        cells += ["{:,}".format(asked[k]) if asked else "" for k in KINDS]
        cells += [money(row.get("usd"))]
        cells += [number(to.get(what)) for what in ("wall", "cpu", "usd")]
        lines.append("| %s |" % " | ".join(cells + [also_of(row)]))
    return "\n".join(lines) + "\n"


def goals_table(goals):
    lines = ["| goal | is to be | is | |", "|---|---|---|---|"]
    for g in goals:
        lines.append("| %s: %s | %s | %s | %s |" % (
            g["about"], g["what"], number(g["goal"]), number(g["is"]),
            "yes" if g["met"] else "**no**"))
    return "\n".join(lines) + "\n"


def machine_words(result):
    m = result["machine"]
    return "%s, %d processors, %s GiB, %s, kernel %s; %s" % (
        m["cpu"], m["processors"], number(m["memory-gib"]), m["system"],
        m["kernel"], m["date"])


def versions_words(result):
    return ", ".join("%s %s" % pair for pair in
                     result["machine"]["versions"].items())


# --- the drawing


WIDTH, LABEL, BAR, ROW, FONT = 900, 210, 380, 17, 12
COLOURS = {"ours": "#1f6feb", "peer": "#9aa4b2", "floor": "#d9a441"}


def best_peer(group):
    peers = [r for r in group if not is_ours(r) and not r.get("floor")]
    return min(peers, key=lambda r: r["wall"]) if peers else None


def best_peers(group):
    """The best, and the best that does the same: restic cannot read a bucket
    or write one, it has files on the disk."""
    best = best_peer(group)
    if "local" not in best["tool"]:
        return [best]
    same = best_peer([r for r in group if "local" not in r["tool"]])
    return [best, same] if same else [best]


def groups_of(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["workload"], []).append(row)
    return groups


def text(x, y, words, **more):
    style = "".join(' %s="%s"' % (k.replace("_", "-"), v)
                    for k, v in more.items())
    return '<text x="%d" y="%d"%s>%s</text>' % (
        x, y, style, html.escape(words))


def headline(group, y):
    out = [text(10, y, group[0]["workload"], font_weight="bold")]
    ours = next((r for r in group if r["tool"] == OURS), None)
    if ours and best_peer(group):
        words = ", ".join("%s × the speed of %s" % (
            number(ratio(peer["wall"], ours["wall"])), peer["tool"])
            for peer in best_peers(group))
        out.append(text(WIDTH - 10, y, words, text_anchor="end",
                        font_weight="bold"))
    return out


def bar(row, y, longest):
    kind = "ours" if is_ours(row) else "floor" if row.get("floor") else "peer"
    length = max(1, round(BAR * row["wall"] / longest))
    words = "%s · CPU %s · %s MiB" % (
        seconds(row["wall"]), seconds(row["cpu"]), number(row["rss"]))
    if row.get("usd"):
        words += " · $%s" % money(row["usd"])
    return [text(LABEL - 8, y, row["tool"], text_anchor="end"),
            '<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>' % (
                LABEL, y - 10, length, ROW - 5, COLOURS[kind]),
            text(LABEL + length + 6, y, words, fill="#57606a")]


def drawing(result):
    y, out = 24, []
    out.append(text(10, y, "Time of platform-backup and of other tools; "
                    "shorter is better", font_size=15, font_weight="bold"))
    y += 18
    out.append(text(10, y, "CPU of the client, peak memory of its largest "
                    "process, $: requests of 1000 runs at list price",
                    fill="#57606a"))
    for group in groups_of(result["rows"]).values():
        if len(group) < 2:
            continue
        y += 30
        out += headline(group, y)
        longest = max(r["wall"] for r in group)
        for row in group:
            y += ROW
            out += bar(row, y, longest)
    y += 28
    out.append(text(10, y, machine_words(result), fill="#57606a",
                    font_size=10))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
            'viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d" '
            'fill="#1f2328">\n<rect width="100%%" height="100%%" '
            'fill="#ffffff"/>\n%s\n</svg>\n' % (
                WIDTH, y + 14, WIDTH, y + 14, FONT, "\n".join(out)))


# --- the short table of README


LEAST = """\
"The least" is what the same servers take for the requests and the bytes alone,
at which nobody looks: nothing is hashed, compared or compressed.
"""


def short_line(ours, peer, floor):
    to = peer["to-ours"]
    least = "%s: %s" % (floor["tool"], seconds(floor["wall"])) if floor else ""
    usd = "%s, %s" % (money(ours["usd"]), money(peer["usd"])) \
        if "usd" in ours and "usd" in peer else ""
    return "| %s | %s, %s MiB | %s: %s, %s MiB | × %s | × %s | × %s | %s | %s " \
        "|" % (
        ours["workload"], seconds(ours["wall"]), number(ours["rss"]),
        peer["tool"], seconds(peer["wall"]), number(peer["rss"]),
        number(to["wall"]), number(to["cpu"]), number(to["rss"]), usd, least)


def short_table(rows):
    lines = ["| | platform-backup | the fastest other tool | its time | its "
             "CPU | its memory | requests, US$ × 1000: ours, its | the least |",
             "|---|---|---|---|---|---|---|---|"]
    for group in groups_of(rows).values():
        ours = next((r for r in group if r["tool"] == OURS), None)
        peer = best_peer(group)
        if not ours or not peer:
            continue
        floor = next((r for r in group if r.get("floor")), None)
        lines += [short_line(ours, peer, floor) for peer in best_peers(group)]
    return "\n".join(lines) + "\n"


def growth_table(rows):
    lines = ["| objects in the bucket | | time | peak memory | LIST | GET | "
             "HEAD |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        if row["part"] == "growth":
            asked = row["requests"]
            lines.append("| {:,} | {} | {} | {} MiB | {:,} | {:,} | {:,} |"
                         .format(row["objects"],
                                 row["workload"].rpartition(", ")[2],
                                 seconds(row["wall"]), number(row["rss"]),
                                 asked["LIST"], asked["GET"], asked["HEAD"]))
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def readme(result):
    return "\n".join([
        BEGIN, machine_words(result) + ".", "",
        "![bars](bench/figures.svg)", "", short_table(result["rows"]), LEAST,
        growth_table(result["rows"]), goals_table(result["goals"]), END])


# --- commands


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, words):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(words)
    os.replace(path + ".new", path)


def cmd_make(folder):
    lines = [json.loads(line) for line in
             read(os.path.join(folder, "results.jsonl")).splitlines()]
    rows = rows_of(lines)
    result = {"machine": json.loads(read(os.path.join(folder,
                                                      "machine.json"))),
              "prices": PRICES, "goals": goals_of(rows), "rows": rows}
    write(os.path.join(folder, "results.json"),
          json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    words = "%s\n\n%s\n\n%s\n%s" % (
        machine_words(result), versions_words(result), table(rows),
        goals_table(result["goals"]))
    write(os.path.join(folder, "results.md"), words)
    write(os.path.join(folder, "figures.svg"), drawing(result))
    print(words, end="")


def cmd_publish(folder):
    result = json.loads(read(os.path.join(folder, "results.json")))
    missing = set(PARTS) - {row["part"] for row in result["rows"]}
    if missing:
        print("publish: not measured: " + ", ".join(sorted(missing)),
              file=sys.stderr)
    os.makedirs("bench", exist_ok=True)
    for name in ("results.json", "figures.svg"):
        shutil.copyfile(os.path.join(folder, name),
                        os.path.join("bench", name))
    words = read("README.md")
    pattern = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.S)
    if len(pattern.findall(words)) != 1:
        sys.exit("publish: README.md has no place for figures")
    write("README.md", pattern.sub(lambda _: readme(result), words))


def main(argv):
    commands = {"make": cmd_make, "publish": cmd_publish}
    if len(argv) != 2 or argv[0] not in commands:
        sys.exit(__doc__)
    commands[argv[0]](argv[1])


if __name__ == "__main__":
    main(sys.argv[1:])
