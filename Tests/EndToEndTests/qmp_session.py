"""Drives an rrtool through the package qemu.qmp, unchanged, and prints what it saw as JSON, an object a line.

    qmp_session.py live SOCKET FOLDER      a guest that runs, or is recorded
    qmp_session.py replay SOCKET POSITION  a replay that was started with --paused
"""

import asyncio
import json
import sys

from qemu.qmp import ConnectError, EventListener, ExecuteError, QMPClient


def tell(**what):
    print(json.dumps(what), flush=True)


async def connect(socket):
    """The socket appears when rrtool has started."""
    for _ in range(600):
        client = QMPClient("test")
        try:
            await client.connect(socket)
            return client
        except ConnectError:
            await asyncio.sleep(0.1)
    raise SystemExit("nobody listens at " + socket)


async def refused(client, command, arguments=None):
    try:
        await client.execute(command, arguments)
    except ExecuteError as error:
        return {"class": error.error_class, "desc": str(error)}
    return None


async def wait_for(listener, name):
    return await asyncio.wait_for(until(listener, name), 60)


async def until(listener, name):
    async for event in listener:
        if event["event"] == name:
            return event


async def live(client, folder):
    listener = EventListener()
    client.register_listener(listener)
    tell(status=(await client.execute("query-status")))
    await client.execute("stop")
    stop = await wait_for(listener, "STOP")
    tell(stopped=(await client.execute("query-status")), has_time="timestamp" in stop)
    await client.execute("cont")
    await wait_for(listener, "RESUME")
    tell(unknown=await refused(client, "no-such-command"))

    dump = {"paging": False, "protocol": f"file:{folder}/core", "detach": True}
    tell(formats=await client.execute("query-dump-guest-memory-capability"))
    await client.execute("dump-guest-memory", dump)
    done = await wait_for(listener, "DUMP_COMPLETED")
    tell(dump=done["data"]["result"]["status"], query=(await client.execute("query-dump"))["status"])

    tell(exists=await refused(client, "dump-guest-memory", dump))
    await client.execute("migrate-set-parameters", {"max-bandwidth": 4096})
    dump["protocol"] = f"file:{folder}/cancelled"
    await client.execute("dump-guest-memory", dump)
    tell(busy=await refused(client, "dump-guest-memory", dump))
    await client.execute("migrate_cancel")
    cancelled = await wait_for(listener, "DUMP_COMPLETED")
    tell(cancelled=cancelled["data"]["result"]["status"], error=cancelled["data"].get("error"))
    tell(after=(await client.execute("query-status"))["status"])

    await client.execute("system_powerdown")
    shutdown = await wait_for(listener, "SHUTDOWN")
    tell(shutdown=shutdown["data"])


async def replay(client, position):
    listener = EventListener()
    client.register_listener(listener)
    tell(start=await client.execute("query-replay"))
    await client.execute("replay-seek", {"icount": position})
    await wait_for(listener, "STOP")
    there = await client.execute("query-replay")
    registers = await client.execute("human-monitor-command", {"command-line": "info registers -a"})
    await client.execute("replay-break", {"icount": position + 1000})
    await client.execute("cont")
    await wait_for(listener, "STOP")
    beyond = await client.execute("query-replay")
    await client.execute("replay-seek", {"icount": position})
    await wait_for(listener, "STOP")
    again = await client.execute("human-monitor-command", {"command-line": "info registers -a"})
    tell(there=there["icount"], beyond=beyond["icount"], same=registers == again)
    tell(refused=await refused(client, "replay-seek", {"icount": 1 << 62}))
    await client.execute("quit")


async def main(kind, socket, argument):
    client = await connect(socket)
    if kind == "live":
        await live(client, argument)
    else:
        await replay(client, int(argument))
    try:
        await client.disconnect()
    except EOFError:
        pass  # rrtool has ended first


asyncio.run(main(*sys.argv[1:]))
