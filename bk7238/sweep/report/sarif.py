"""What ends badly in a sweep as SARIF 2.1.0, which code scanning of repositories reads.

A verdict is a rule. Points that end with the same verdict for the same reason are one result, with the command that
replays the first of them. A result needs a file: it is the package's.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

import bk7238
from bk7238.sweep.report.page import verdicts
from bk7238.sweep.report.saved import SavedOutcome, SavedSweep
from bk7238.visible import visible

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(sweep: SavedSweep) -> str:
    """The text of the file."""
    alike: dict[tuple[str, str], list[SavedOutcome]] = {}
    for one in sweep.bad_outcomes:
        alike.setdefault((one.verdict, one.reason), []).append(one)
    rules = sorted({verdict for verdict, _ in alike}, key=verdicts.order)
    driver = {
        "name": "bk7238-sim",
        "version": bk7238.__version__,
        "rules": [{"id": one, "shortDescription": {"text": verdicts.meaning(one) or one}} for one in rules],
    }
    run = {
        "tool": {"driver": driver},
        "artifacts": [_artifact(*one) for one in _files(sweep)],
        "automationDetails": {"id": f"bk7238-sim/{sweep.of}/{sweep.tier}"},
        "results": [_result(sweep, rules.index(verdict), ends) for (verdict, _), ends in alike.items()],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _files(sweep: SavedSweep) -> list[tuple[str, str]]:
    """The names of the files that the sweep was of, and their hashes."""
    files = ((sweep.image, sweep.image_sha256), (sweep.package, sweep.package_sha256))
    return [one for one in files if one[0]]


def _artifact(name: str, sha256: str) -> dict[str, Any]:
    """A file that the sweep was of; sweeps of earlier versions do not know its hash."""
    known = {"hashes": {"sha-256": sha256}} if sha256 else {}
    return {"location": {"uri": quote(name)}, "roles": ["analysisTarget"], **known}


def _result(sweep: SavedSweep, rule: int, ends: list[SavedOutcome]) -> dict[str, Any]:
    first = ends[0]
    more = f" ({len(ends):,} {sweep.noun} end so, first {first.id})" if len(ends) > 1 else f" ({first.id})"
    text = visible(f"{first.verdict}: {first.reason}{more}\nReplay: {sweep.command(first)}")
    known_by = hashlib.sha256(json.dumps([sweep.of, first.verdict, first.reason]).encode()).hexdigest()
    return {
        "ruleId": first.verdict,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(_files(sweep)[-1][0])}}}],
        "partialFingerprints": {"end/v1": known_by},
    }
