"""result.json and the object of `bk7238 ota --json`, as types: what a result says, and a schema is made of."""

from __future__ import annotations

from typing import Literal, TypedDict

from bk7238.faults.fault import FaultRecord
from bk7238.update.verdict import Verdict


class PhaseRecord(TypedDict):
    """A stretch of the story."""

    name: str
    virtual_seconds: float
    instructions: int


class PartitionRecord(TypedDict):
    """A partition's bytes at the end; the addresses are physical."""

    start: int
    end: int
    sha256: str


class HeaderRecord(TypedDict):
    """An RBL header that was found in the flash."""

    partition: str
    version: str
    algorithm: str
    raw_size: int
    crc_ok: bool


class AppRecord(TypedDict):
    """Whether the app is the old one, and where it is damaged; the addresses are physical."""

    unchanged: bool
    first_change: int | None
    bad_frames: int
    first_bad_frame: int | None


class Grounds(TypedDict):
    """What a verdict rests on, but for what is in the partitions."""

    footer: HeaderRecord | None
    footer_is_of_the_package: bool
    package_is_for: str
    download: HeaderRecord | None
    app: AppRecord
    bootloader_said: list[str]
    app_started: bool
    last_lines: dict[Literal["uart1", "uart2"], list[str]]
    pc: int
    aborts: list[str]


class Evidence(Grounds):
    """What a verdict rests on. `pc` is the CPU's program counter."""

    partitions: dict[str, PartitionRecord]


class ResultFile(TypedDict):
    """How an update ended. Wall time is the only part that differs between equal runs."""

    verdict: Verdict
    from_version: str | None
    to_version: str | None
    banner_versions: list[str | None]
    footer_versions: list[str | None]
    reason: str
    phases: list[PhaseRecord]
    virtual_seconds: float
    instructions: int
    wall_seconds: float
    digest: str
    seed: int
    engine: str
    faults: list[FaultRecord]
    faults_never_fired: list[str]
    evidence: Evidence
