"""Drives an rrtool through the package qemu.qmp, unchanged, and prints what it saw as JSON, an object a line.

    qmp_session.py live SOCKET FOLDER      a guest that runs, or is recorded
    qmp_session.py replay SOCKET POSITION  a replay that was started with --paused
    qmp_session.py migrate SOCKET FOLDER   a guest that runs; FOLDER/to.sock is the monitor of an rrtool that waits for
                                           it at FOLDER/in.sock
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
    await client.execute("migrate-set-parameters", {"max-bandwidth": 1})
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


async def migrate(client, folder):
    here = EventListener(("MIGRATION", "STOP"))
    client.register_listener(here)
    other = await connect(folder + "/to.sock")
    there = EventListener(("MIGRATION", "RESUME"))
    other.register_listener(there)
    tell(waiting=(await other.execute("query-status"))["status"],
         waiting_harts=len(await other.execute("query-cpus-fast")),
         no_dump=await refused(other, "dump-guest-memory", {"paging": False, "protocol": f"file:{folder}/core"}))
    await client.execute("migrate", {"uri": f"unix:{folder}/in.sock"})

    async def statuses(listener, last):
        seen = []
        while not (seen and seen[-1] == last):
            event = await asyncio.wait_for(listener.get(), 60)
            seen.append(event["data"]["status"] if event["event"] == "MIGRATION" else event["event"])
        return seen

    tell(source=await statuses(here, "completed"), destination=await statuses(there, "completed"))
    ram = (await client.execute("query-migrate"))["ram"]
    tell(after=(await client.execute("query-status"))["status"],
         arrived=(await other.execute("query-status"))["status"],
         remaining=ram["remaining"], total=ram["total"],
         query=(await other.execute("query-migrate"))["status"])
    await other.disconnect()
    await client.execute("quit")


async def main(kind, socket, argument):
    client = await connect(socket)
    if kind == "live":
        await live(client, argument)
    elif kind == "migrate":
        await migrate(client, argument)
    else:
        await replay(client, int(argument))
    try:
        await client.disconnect()
    except EOFError:
        pass  # rrtool has ended first


asyncio.run(main(*sys.argv[1:]))
