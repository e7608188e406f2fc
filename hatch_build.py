"""What the metadata has besides pyproject.toml: the addresses, made of the one constant, and the README with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).resolve().parent


def repository() -> str:
    """The address of the repository, as bk7238/__init__.py has it."""
    text = (ROOT / "bk7238" / "__init__.py").read_text(encoding="utf-8")
    return re.findall('^REPOSITORY = "(.*)"', text, re.MULTILINE)[0]


def readme() -> str:
    """README.md with links that lead to the repository from anywhere."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?![a-z]+:|#)([^)]+)\)", rf"]({repository()}/blob/main/\1)", text)


class Hook(MetadataHookInterface):
    """Adds them where a package is built."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put addresses and README into the metadata."""
        base = f"{repository()}/blob/main"
        metadata["readme"] = {"content-type": "text/markdown", "text": readme()}
        metadata["urls"] = {
            "Repository": repository(),
            "Documentation": f"{base}/docs/guide.md",
            "Changelog": f"{base}/CHANGELOG.md",
            "Issues": f"{repository()}/issues",
        }
