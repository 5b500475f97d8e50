#!/usr/bin/env python3
"""bank.py - a database that is written to all the time, with a sum that holds.

  bank.py init DB MODE            tables and the journal mode (delete, wal, ...)
  bank.py run DB                  move amounts until ended; complaints to stderr
  bank.py hold DB SECONDS KIND    keep a lock: shared, reserved, exclusive
  bank.py audit DB                the sums hold, and SQLite finds nothing
"""
import random
import sqlite3
import sys
import time

ACCOUNTS, TOTAL = 500, 500 * 1000


def connect(path):
    return sqlite3.connect(path, timeout=60, isolation_level=None)


def init(path, mode):
    db = connect(path)
    db.execute("pragma page_size = 4096")
    assert db.execute("pragma journal_mode = " + mode).fetchone()[0] == mode
    db.executescript("""
        create table account(id integer primary key, amount int not null);
        create table move(id integer primary key, source int, target int,
          amount int, note text);
        create index move_source on move(source);
        """)
    with db:
        db.execute("begin")
        db.executemany("insert into account values (?, 1000)",
                       ((i,) for i in range(ACCOUNTS)))
        db.executemany("insert into move values (?, 0, 0, 0, ?)",
                       ((i, "x" * 400) for i in range(1, 20001)))


def run(path):
    db = connect(path)
    count = 0
    while True:
        a, b = random.sample(range(ACCOUNTS), 2)
        amount = random.randint(1, 50)
        with db:
            db.execute("begin immediate")
            db.execute("update account set amount = amount - ? where id = ?",
                       (amount, a))
            db.execute("insert into move(source, target, amount, note) "
                       "values (?, ?, ?, ?)", (a, b, amount, "n" * 300))
            db.execute("update account set amount = amount + ? where id = ?",
                       (amount, b))
        count += 1
        if count % 50 == 0:
            print(count, flush=True)
            time.sleep(0.02)


def hold(path, seconds, kind):
    db = connect(path)
    if kind == "shared":
        db.execute("begin")
        db.execute("select count(*) from account").fetchone()
    elif kind == "reserved":
        db.execute("begin immediate")
    else:
        db.execute("begin exclusive")
    print("held", flush=True)
    time.sleep(float(seconds))
    db.execute("rollback")


def audit(path):
    db = connect(path)
    db.execute("begin")  # all of it at one moment, should it be in use
    assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
    total, = db.execute("select sum(amount) from account").fetchone()
    assert total == TOTAL, "sum is %d" % total
    db.execute("""create temp table moved as
        select id, sum(n) as n from
          (select source as id, -amount as n from move where amount > 0
           union all select target, amount from move where amount > 0)
        group by id""")
    wrong = db.execute("""select count(*) from account left join moved
        using (id) where amount <> 1000 + coalesce(n, 0)""").fetchone()[0]
    assert wrong == 0, "%d accounts do not fit their moves" % wrong
    print(db.execute("select count(*) from move").fetchone()[0])


if __name__ == "__main__":
    {"init": init, "run": run, "hold": hold, "audit": audit}[sys.argv[1]](
        *sys.argv[2:])
