#!/usr/bin/env python3
"""wire.py - a relay that counts what goes over a TCP port, whatever it is.

  wire.py --to HOST:PORT --port-file FILE --log FILE [--delay SECONDS]

The log is one JSON object, written anew ten times a second: most (connections
at once), now, total, received and sent (bytes of the clients, and to them),
and tenths: [received, sent] of each tenth of a second since the first byte.
With a delay each byte arrives so much later, in both directions.
"""
import argparse
import asyncio
import json
import os
import socket
import time


class Wire:
    def __init__(self, to, delay):
        self.host, _, port = to.rpartition(":")
        self.port, self.delay = int(port), delay
        self.now = self.most = self.total = 0
        self.begin = None
        self.tenths = []

    def count(self, way, n):
        now = time.monotonic()
        if self.begin is None:
            self.begin = now
        at = int((now - self.begin) * 10)
        while len(self.tenths) <= at:
            self.tenths.append([0, 0])
        self.tenths[at][way] += n

    async def pump(self, reader, writer, way):
        loop = asyncio.get_running_loop()
        queue = asyncio.Queue(256 if self.delay else 4)

        async def pass_on():
            while True:
                due, data = await queue.get()
                if self.delay:
                    await asyncio.sleep(max(0, due - loop.time()))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
                self.count(way, len(data))
            if writer.can_write_eof():
                writer.write_eof()

        async def take():
            while True:
                try:
                    data = await reader.read(1 << 16)
                except OSError:
                    data = b""
                if not data and way == 0:
                    self.now -= 1
                await queue.put((loop.time() + self.delay, data))
                if not data:
                    return

        await asyncio.gather(take(), pass_on())

    async def connection(self, reader, writer):
        # the end of one that was closed before comes first
        await asyncio.sleep(0.02)
        self.now += 1
        self.total += 1
        self.most = max(self.most, self.now)
        far = None
        # little is on its way: what was counted has been taken
        writer.transport.set_write_buffer_limits(1 << 16)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        try:
            far_reader, far = await asyncio.open_connection(self.host,
                                                            self.port)
            await asyncio.gather(self.pump(reader, far, 0),
                                 self.pump(far_reader, writer, 1))
        except OSError:
            pass
        finally:
            writer.close()
            if far:
                far.close()

    def state(self):
        return {"most": self.most, "now": self.now, "total": self.total,
                "received": sum(t[0] for t in self.tenths),
                "sent": sum(t[1] for t in self.tenths), "tenths": self.tenths}


def replace(path, text):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(path + ".new", path)


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--to", required=True)
    p.add_argument("--port-file", required=True)
    p.add_argument("--log", required=True)
    p.add_argument("--delay", type=float, default=0)
    args = p.parse_args()
    wire = Wire(args.to, args.delay)
    server = await asyncio.start_server(wire.connection, "127.0.0.1", 0,
                                        backlog=256)
    replace(args.log, json.dumps(wire.state()))
    replace(args.port_file, "%d\n" % server.sockets[0].getsockname()[1])
    while True:
        await asyncio.sleep(0.1)
        replace(args.log, json.dumps(wire.state()))


if __name__ == "__main__":
    asyncio.run(main())
