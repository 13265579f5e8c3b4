# SPDX-License-Identifier: Apache-2.0
"""Lets editors that speak the Debug Adapter Protocol go back in gdb, whose own adapter only goes forward.

    gdb-multiarch --interpreter=dap -iex "source gdb_dap_back.py"

Tried with gdb 16.3. It uses what that adapter is made of, which gdb does not promise to keep.
"""

from gdb.dap.events import exec_and_expect_stop
from gdb.dap.server import capability, request, send_gdb
from gdb.dap.state import set_thread


def run_back(thread, command):
    set_thread(thread)
    exec_and_expect_stop(command)


@capability("supportsStepBack")
@request("stepBack", response=False)
def step_back(*, threadId: int, granularity: str = "statement", **arguments):
    run_back(threadId, "reverse-stepi" if granularity == "instruction" else "reverse-next")


@request("reverseContinue", on_dap_thread=True)
def reverse_continue(*, threadId: int, **arguments):
    send_gdb(lambda: run_back(threadId, "reverse-continue"))
    return {}
