"""A server over standard input and output whose tool prints; run by a test as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bethink.app.mcp import Toolbox, mcp_server, serve_stdio
from bethink.app.mcp.stdio import take_stdout
from bethink.tools.contract import Tool, ToolContext
from tests.app.mcp_calls import Counter, CountInput, CountOutput


def noise(request: CountInput, context: ToolContext) -> CountOutput:
    print("printed")
    os.write(1, b"written by a library in C\n")
    os.system("echo from a process")
    return CountOutput(summary="Done.", to=request.to)


if __name__ == "__main__":
    stdout = take_stdout()
    tools = [Counter().tool, Tool("noise", "Prints.", CountInput, CountOutput, noise)]
    serve_stdio(mcp_server(Toolbox(Path(sys.argv[1]), None, tools), "ann"), stdout)
