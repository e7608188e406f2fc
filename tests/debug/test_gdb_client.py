"""GDB itself as the client: what a user types, and what it shows. Needs Debian's package gdb-multiarch."""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from images import EACH_BOARD, FULL, GZIP, image, vendor

from bk7238.bench.bench import Bench
from bk7238.debug import attach
from bk7238.image import flash_image, package
from bk7238.update.session import Settings, Update

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "firmware" / "reference" / "built"
CLIENT = shutil.which("gdb-multiarch")
pytestmark = pytest.mark.skipif(CLIENT is None, reason="needs Debian's package gdb-multiarch")


def update(image, rbl, **settings):
    return Update(flash_image.read(image), package.read(rbl), Settings(**settings))


def reference(**settings):
    image, rbl = BUILT / "reference_1.0.0.bin", BUILT / "reference_1.0.1_gzip_aes.rbl"
    if not image.exists() or not rbl.exists():
        pytest.skip(f"needs {image.name} and {rbl.name}; build them with make in firmware/reference")
    return update(image, rbl, **settings)


def talk(machine, *commands, elf=None, symbols=None, functions=()):
    """Run GDB with these commands on a machine that stops at these functions by itself; what GDB printed."""
    with attach.serve(machine, symbols=symbols) as server:
        for function in functions:
            server.debugger.set_own_break(symbols.address(function))
        host, port = server.address
        words = [CLIENT, "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off"]
        words += ["-ex", "set remotetimeout 3600"]  # else it goes on without an answer that a busy host delays
        words += ["-ex", f"file {elf}"] if elf else []
        for command in (f"target extended-remote {host}:{port}", *commands):
            words += ["-ex", command]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
            try:
                while client.poll() is None:
                    server.turn(0.05)
            finally:
                client.kill()
            return client.stdout.read()


@pytest.mark.full
def test_c_lines_of_boot_loader_and_app_across_the_reset():
    device = reference().machine
    said = talk(
        device,
        f"add-symbol-file {BUILT}/app-1.0.0.elf",
        "set trust-readonly-sections on",  # GDB looks through the code again and again
        "tbreak http_ota",
        "continue",
        "next",
        "info source",
        "backtrace",
        "tbreak reboot",
        "continue",
        "next",
        "tbreak package_install",
        "continue",
        "info symbol $pc",
        "info source",
        "next",
        "next",
        "info line *$pc",
        "finish",
        elf=BUILT / "boot.elf",
    )
    stops = re.findall(r"^(?:Temporary breakpoint \d+, )(?:0x[0-9a-f]+ in )?(\w+) \(", said, re.MULTILINE)
    assert stops == ["http_ota", "reboot", "package_install"], said
    assert "Current source file is app/ota.c" in said and "Current source file is boot/install.c" in said
    assert re.search(r"#1 .* in \w+ .* at app/\w+\.c:\d+", said), "the app's calls by source line"
    assert re.search(r'Line \d+ of "boot/install.c"', said)
    assert "Value returned is" in said, said
    assert device.resets == 1


@pytest.mark.full
def test_reverse_through_the_erased_flash_and_the_reset():
    said = talk(
        reference().machine,
        f"add-symbol-file {BUILT}/app-1.0.0.elf",
        "tbreak reboot",
        "continue",
        "tbreak package_install",
        "continue",
        "finish",
        "watch *(unsigned int *) 0x10000",
        "reverse-continue",
        "info symbol $pc",
        "reverse-continue",
        "info symbol $pc",
        "delete",
        "tbreak reboot",
        "reverse-continue",
        "reverse-stepi",
        "stepi",
        elf=BUILT / "boot.elf",
    )
    assert said.count("Hardware watchpoint 3: *(unsigned int *) 0x10000\n\nOld value") == 2, said
    assert "New value = 4294967295" in said, "back behind the programming: erased"
    assert said.count("operate + ") == 2, "in the routine that starts an operation of the flash controller"
    assert re.search(r"Temporary breakpoint 4, (0x[0-9a-f]+ in )?reboot \(", said), said


def test_registers_memory_and_monitor():
    said = talk(
        reference().machine,
        "tbreak main",
        "continue",
        "info registers pc cpsr sp_irq spsr_svc",
        "x/2xw 0x800000",
        "info mem",
        "monitor where",
        "monitor partitions",
        "monitor reg icu.INTERRUPT_ENABLE",
        "hbreak flash_read",
        "continue",
        "detach",
        elf=BUILT / "boot.elf",
    )
    assert re.search(r"^sp_irq +0x", said, re.MULTILINE) and re.search(r"^spsr_svc +0x", said, re.MULTILINE)
    assert "0x800000" in said and "flash blocksize 0x1000" in said
    assert "virtual seconds" in said and "beken_onchip_crc" in said and "INTERRUPT_ENABLE" in said
    assert "Breakpoint 2, flash_read" in said and "detached" in said


@pytest.mark.full
def test_the_closed_boot_loader_by_name():
    """Its names come by themselves; the update is followed to its decrypting, decompressing, verifying, copying."""
    device = update(vendor(FULL), vendor(GZIP), delivered=True).machine
    names = ("ota_main", "copy_fw_from_dl_part", "aes_cbc_decrypt", "inflate", "rt_ota_erase_fw", "part_fw_hash_verify")
    commands = [word for name in names for word in (f"tbreak {name}", "continue")]
    said = talk(device, *commands, "backtrace 3", "monitor rbl", "tbreak *0x10000", "continue")
    stops = re.findall(r"^Temporary breakpoint \d+, 0x[0-9a-f]+ in (\w+) \(\)", said, re.MULTILINE)
    assert stops[: len(names)] == list(names), said
    assert ("the bootloader sees: a sound header" in said and "2.00.777" in device.uart1.text) or device.resets >= 0
    assert re.search(r"0x00010000 in", said)


@pytest.mark.full
@EACH_BOARD
def test_a_break_at_the_app_and_plain_code_of_every_board(board):
    """The flash may hold it scrambled: GDB sees what the CPU does, and breakpoints stand in it."""
    whole = image(board.file)
    device = Bench(Settings(profile="none"), whole).machine
    app = whole.app.offset
    said = talk(
        device,
        f"tbreak *{app:#x}",
        "continue",
        "info registers pc cpsr",
        f"x/8xw {app:#x}",
        "x/4xw 0",
        "stepi",
        "info registers pc",
        "monitor where",
        "detach",
    )
    assert re.search(rf"^pc +{app:#x}", said, re.MULTILINE) and re.search(r"^cpsr +0x", said, re.MULTILINE), said
    for at in (app, app + 16, 0):
        words = struct.unpack("<4I", whole.view.logical(at, at + 16))
        assert f"{at:#x}:\t" + "\t".join(f"{word:#010x}" for word in words) in said, said
    assert "virtual seconds" in said and "detached" in said


def walk_through():
    """The commands of the page's walk-through, in their order."""
    page = (ROOT / "docs" / "debugging.md").read_text()
    text = page.partition("\n## Walk-through")[2].partition("\n## ")[0].rpartition("```")[2]
    ours = {
        "break",
        "delete",
        "watch",
        "p",
        "x/s",
        "x/8xw",
        "info",
        "monitor",
        "finish",
        "continue",
        "reverse-continue",
    }
    return [one for one in re.findall("`([^`]+)`", re.sub(r"\n +", " ", text)) if one.split()[0] in ours]


@pytest.mark.nightly
def test_the_walk_through_is_literally_true():
    commands = walk_through()
    assert {"finish", "monitor rbl", "monitor cut 3", "reverse-continue", "break *0x10000"} <= set(commands)
    marked = [word for place, one in enumerate(commands) for word in (f"echo \\n@{place} {one}\\n", one)]
    said = talk(update(vendor(FULL), vendor(GZIP), delivered=True).machine, *marked)
    answers = re.split(r"^@\d+ (.+)$", said, flags=re.MULTILINE)[1:]
    answered = list(zip(answers[::2], answers[1::2], strict=True))
    assert [command for command, _ in answered] == commands, said

    stops = [
        found[1]
        for command, answer in answered
        if command == "continue" and (found := re.search(r"^Breakpoint \d+, 0x\w+ in (\w+) ", answer, re.MULTILINE))
    ]
    before = [command.split()[1] for command in commands if command.startswith("break ")]
    assert stops == before[: len(stops)] and stops[-1] == "ota_main", said
    assert [answer.split()[2] for command, answer in answered if command == "p $r0"] == ["1", "0"]
    assert "Value returned" not in said
    told = dict(answered)
    assert "the bootloader sees: a sound header" in told["monitor rbl"]
    assert '"0123456789ABCDEF0123456789ABCDEF"' in told["x/s $r1"] and "256" in told["info registers r2"]
    assert told["x/8xw $r2"].count("0xe59ff014") == 7
    values = [re.search(r"New value = (\d+)", answer) for _, answer in answered]
    app, erased = "3925868558", "4294967295"
    assert [value[1] for value in values if value] == [erased, app, erased, app], said


def test_the_memory_map_has_ram_and_peripherals():
    device = reference().machine
    board = device.board.platform
    said = talk(device, "info mem", "x/1xw 0x400000", "x/1xw 0x800000", "x/1xw 0x700000", "x/1xw 0x50000000")
    rows = re.findall(r"^\d+ +y\s+(0x\w+) (0x\w+) (\w+)(.*)$", said, re.MULTILINE)
    places = [(int(start, 16), int(end, 16), kind) for start, end, kind, _ in rows]
    for one in (*board.memories, *board.blocks):
        assert any(start <= one.address < end for start, end, _ in places), one.name
    assert places[0][2] == "flash" and "blocksize 0x1000" in rows[0][3]
    assert {kind for _, _, kind in places[2:]} == {"rw"} and places[-1][1] < 1 << 32
    assert len(re.findall(r"^0x(?:400000|800000|700000):", said, re.MULTILINE)) == 3, said
    assert "Cannot access memory at address 0x50000000" in said


@pytest.mark.parametrize("how", ["--break", "monitor break"])
def test_a_breakpoint_of_the_servers_own_stops_gdb(how):
    device = reference().machine
    symbols = attach.known_symbols(device, [(BUILT / "boot.elf", None)])
    address = symbols.address("flash_read")
    own = {"functions": ["flash_read"]} if how == "--break" else {}
    commands = [] if own else ["monitor break flash_read"]
    shown = ["continue", "info registers pc", "continue", "info registers pc"]
    both = ["break *flash_read", "continue", "delete", "continue", "info registers pc", "monitor unbreak flash_read"]
    after = ["tbreak *0x10000", "continue"]
    said = talk(device, *commands, *shown, *both, *after, elf=BUILT / "boot.elf", symbols=symbols, **own)
    assert said.count("received signal SIGTRAP") == 3, said
    assert len(re.findall(rf"^pc +{address:#x} ", said, re.MULTILINE)) == 3, said
    assert said.count("Breakpoint 1, flash_read") == 1 and "Temporary breakpoint 2, " in said, said


def test_why_a_package_is_refused():
    """A fault of the package is there for the debugger too; where the loader compares, both hashes can be read."""
    device = reference(delivered=True, faults=("package-hash",)).machine
    wanted = int.from_bytes(device.flash.data[0x132000 + 0x50 : 0x132000 + 0x54], "little")
    said = talk(device, "tbreak dry_run", "continue", "finish", "print/x hash", elf=BUILT / "boot.elf")
    calculated = int(re.search(r"\$\d+ = (0x[0-9a-f]+)$", said, re.MULTILINE)[1], 16)
    assert "in dry_run (" in said and "boot/update.c" in said and calculated == wanted ^ 1, said
