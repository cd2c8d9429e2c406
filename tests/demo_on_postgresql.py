"""Walks the demo by script on a PostgreSQL of its own: `python -m tests.demo_on_postgresql`."""

import subprocess
import sys

from tests.postgres import running_postgres


def main() -> int:
    with running_postgres() as databases:
        url = databases.create("demo")
        walked = subprocess.run([sys.executable, "-m", "bot", "demo", "--script", "--database-url", url], check=False)
    return walked.returncode


if __name__ == "__main__":
    sys.exit(main())
