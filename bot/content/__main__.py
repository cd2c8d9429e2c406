"""`python -m bot.content`, in the repository root: write the JSON Schemas that lie beside the content again."""

from pathlib import Path

from bot.content.schemas import write

if __name__ == "__main__":
    write(Path.cwd())
