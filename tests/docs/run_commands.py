#!/usr/bin/env python3
"""run_commands.py PROGRAM: runs every command of README.md and docs/ that stands behind "$ laneway" in a ```console fence, from the
repository's root, and expects it to succeed. Their output is not compared: it holds times."""
import pathlib
import re
import shlex
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
commands = []
for page in [root / "README.md", *sorted(root.glob("docs/**/*.md"))]:
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.M | re.S):
        commands += [(page.name, line[len("$ laneway ") :]) for line in block.splitlines() if line.startswith("$ laneway ")]

failed = 0
for page, arguments in commands:
    ran = subprocess.run([sys.argv[1], *shlex.split(arguments)], cwd=root, capture_output=True, text=True)
    print(f"{page}: laneway {arguments}: exit status {ran.returncode}", ran.stderr if ran.returncode else "")
    failed += ran.returncode != 0
sys.exit(failed > 0 or not commands)
