"""Jupyter's own client, driven by lines of JSON: what it hears of a cell, and how long that took."""
import json
import sys
import time
from queue import Empty

from jupyter_client import BlockingKernelClient

client = BlockingKernelClient()
client.load_connection_file(sys.argv[1])
client.start_channels()
client.wait_for_ready(timeout=20)
print(json.dumps({"ready": client.session.session}), flush=True)


def run(code):
    begun = time.perf_counter()
    wanted = client.execute(code, allow_stdin=False, stop_on_error=False)
    heard, others = [], []
    idle = False
    while not idle:
        message = client.get_iopub_msg(timeout=20)
        parent = message["parent_header"]
        kind = message["msg_type"]
        if parent.get("msg_id") != wanted:
            others.append([kind, parent.get("username"), message["content"]])
            continue
        if kind == "status":
            idle = message["content"]["execution_state"] == "idle"
        elif kind != "execute_input":
            heard.append([kind, message["content"]])
    reply = client.get_shell_msg(timeout=20)
    took = (time.perf_counter() - begun) * 1000
    assert reply["parent_header"]["msg_id"] == wanted
    return {"heard": heard, "others": others, "reply": reply["content"], "took": took}


for line in sys.stdin:
    print(json.dumps([run(code) for code in json.loads(line)]), flush=True)
client.stop_channels()
