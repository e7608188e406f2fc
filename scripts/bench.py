"""What an update costs: instructions, MIPS, virtual over wall time and user CPU, for each of its phases.

Instructions and digest are the same on every host, so that they compare exactly; MIPS and CPU seconds compare on one
host. Below the phases stands what a register access and a busy virtual second cost, of Unicorn and of the engine named
with `--engine`. `--repeat` gives the median run by user CPU. Images: those that `scripts/demo` uses, or the two named.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
from dataclasses import asdict, replace
from pathlib import Path

from bk7238 import Settings, Update, flash_image, package, resources
from bk7238.cli.arguments import UsageError
from bk7238.engine import costs, renode_host
from bk7238.engine.engine import EngineError
from bk7238.update.result import Phase, Result

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import digests

IMAGE = "OpenBK7238_QIO_1.18.300.bin"
PACKAGE = "OpenBK7238_2.00.777_gzip_aes.rbl"
LIMITS = (
    ("reference_1.0.0.bin", "reference_1.0.1_none_aes.rbl", 8.0, 2_000),
    (IMAGE, PACKAGE, 90.0, 100_000),
)
MERGED = {"boot": "boot", "join": "join", "download": "download", "restart": "download", "install": "install"}


def find(given: Path | None, name: str) -> Path:
    """The file that was given, or the vendor's of that name."""
    path = given or resources.find_image(name)
    if path is None:
        raise UsageError(f"the vendor image {name} is in no folder; name the files (bk7238 firmware list)")
    return path


def phases(result: Result) -> list[Phase]:
    """Boot, join, download (with the restart), install; joining again is left out, it measures join twice."""
    rows: dict[str, list[Phase]] = {}
    for phase in result.phases:
        if phase.name in MERGED:
            rows.setdefault(MERGED[phase.name], []).append(phase)
    return [
        Phase(
            name, parts[0].start, parts[-1].end, sum(p.instructions for p in parts), sum(p.cpu_seconds for p in parts)
        )
        for name, parts in rows.items()
    ]


def row(name: str, virtual: float, instructions: int, cpu: float, wall: float | None = None) -> dict[str, object]:
    """One line of the table: times in seconds."""
    return {
        "phase": name,
        "virtual_seconds": round(virtual, 3),
        "instructions": instructions,
        "user_cpu_seconds": round(cpu, 2),
        "mips": round(instructions / cpu / 1e6, 1) if cpu else None,
        "virtual_over_cpu": round(virtual / cpu, 1) if cpu else None,
        "virtual_over_wall": round(virtual / wall, 1) if wall else None,
    }


def measure(image: Path, rbl: Path, settings: Settings) -> tuple[float, Result, dict[str, tuple[int, int]]]:
    """User CPU seconds, the result, and how often a read and a write of which register had to ask its block."""
    before = os.times().user
    update = Update(flash_image.read(image), package.read(rbl), settings)
    result = update.run()
    seconds = os.times().user - before
    entered = getattr(update.machine.engine, "entered", {})
    return seconds, result, {".".join(name): counts for name, counts in entered.items()}


def check(which: str, *, write: bool) -> int:
    """Run what tests/digests.json lists, up to a set; 0 where all digests are those of the file."""
    sets = ("quick", "full", "nightly")
    found, differ = [], 0
    for entry in digests.entries():
        digest = entry.digest
        if sets.index(entry.set) > sets.index(which):
            outcome = "left out"
        elif entry.files() is None:
            outcome = "left out: its files are not here"
        else:
            try:
                digest = entry.found()
                outcome = "the same" if digest == entry.digest else f"{digest} instead of {entry.digest or 'nothing'}"
            except ValueError as error:
                digest, outcome = "", str(error)
            differ += digest != entry.digest or not digest
        print(f"{entry.name:32} {outcome}", flush=True)
        found.append(replace(entry, digest=digest))
    if write:
        digests.write(found)
    return int((differ > 0 or slower()) and not write)


def slower() -> bool:
    """Whether an update costs more than its limits: in busy virtual seconds of this host, and in accesses of which a
    block was asked."""
    busy = costs.measure("unicorn").virtual_second
    found = False
    for image, rbl, most_busy, most_asked in LIMITS:
        paths = digests.find(image), digests.find(rbl)
        if paths[0] is None or paths[1] is None:
            continue
        runs = [measure(paths[0], paths[1], Settings()) for _ in range(2)]
        ratio, asked = min(run[0] for run in runs) / busy, sum(map(sum, runs[0][2].values()))
        over = ratio > most_busy or asked > most_asked
        found = found or over
        print(
            f"{image:32} costs {ratio:.1f} busy virtual seconds (at most {most_busy:.0f}), blocks were asked {asked:,} "
            f"times (at most {most_asked:,})" + (": more than it may" if over else "")
        )
    return found


def main() -> int:
    """Measure and print. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", nargs="?", type=Path)
    parser.add_argument("package", nargs="?", type=Path)
    parser.add_argument("--engine", default="unicorn")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs (default: 3)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--check",
        metavar="SET",
        nargs="?",
        const="full",
        choices=["quick", "full", "nightly"],
        help="compare the digests of tests/digests.json instead: of quick, full (usual) or nightly runs",
    )
    parser.add_argument("--write", action="store_true", help="with --check: write what is found into the file")
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.check, write=arguments.write)
    started = os.times().user  # what importing has cost so far
    image, rbl = find(arguments.image, IMAGE), find(arguments.package, PACKAGE)
    runs = [measure(image, rbl, Settings(engine=arguments.engine)) for _ in range(max(1, arguments.repeat))]
    runs.sort(key=lambda run: run[0])
    cpu, result, entered = runs[(len(runs) - 1) // 2]
    rows = [row(p.name, p.seconds, p.instructions, p.cpu_seconds) for p in phases(result)]
    rows.append(row("whole", result.virtual_seconds, result.instructions, cpu, result.wall_seconds))
    report = {
        "image": image.name,
        "package": rbl.name,
        "engine": arguments.engine,
        "verdict": result.verdict.value,
        "digest": result.digest,
        "phases": rows,
        "start_up_cpu_seconds": round(started, 2),
        "user_cpu_all_runs": [round(run[0], 2) for run in runs],
        "user_cpu_spread": round(statistics.pstdev([run[0] for run in runs]), 3),
        "entered": dict(sorted(entered.items(), key=lambda item: -sum(item[1]))),
        "costs": [asdict(costs.measure(name)) for name in dict.fromkeys(("unicorn", arguments.engine))],
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if arguments.json:
        print(json.dumps(report))
        return result.verdict.exit_status
    print(f"{image.name} + {rbl.name}, engine {arguments.engine}: {result.verdict.value}, digest {result.digest}\n")
    print(f"{'phase':10} {'virtual s':>10} {'instructions':>14} {'user CPU s':>11} {'MIPS':>7} {'virtual/CPU':>12}")
    for line in rows:
        print(
            f"{line['phase']:10} {line['virtual_seconds']:>10} {line['instructions']:>14,} "
            f"{line['user_cpu_seconds']:>11} {line['mips'] or '-':>7} {line['virtual_over_cpu'] or '-':>12}"
        )
    print(
        f"\nstart-up {report['start_up_cpu_seconds']} s of user CPU, peak memory {report['peak_memory_mib']} MiB, "
        f"virtual over wall time {rows[-1]['virtual_over_wall']}; user CPU of all runs {report['user_cpu_all_runs']}\n"
    )
    print(f"{'engine':10} {'plain read us':>14} {'asked: read us':>15} {'write us':>9} {'busy virtual second s':>22}")
    for cost in report["costs"]:
        print(
            f"{cost['engine']:10} {cost['plain']:>14.2f} {cost['read']:>15.2f} {cost['write']:>9.2f} "
            f"{cost['virtual_second']:>22.3f}"
        )
    print(f"\nblocks were asked {sum(map(sum, entered.values())):,} times (reads, writes), most often:")
    for name, (reads, writes) in list(report["entered"].items())[:12]:
        print(f"{name:32} {reads:>10,} {writes:>10,}")
    return result.verdict.exit_status


if __name__ == "__main__":
    try:
        status = main()
        renode_host.leave(status)
        sys.exit(status)
    except (UsageError, ValueError, EngineError) as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
