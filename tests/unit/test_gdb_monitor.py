"""The monitor verbs, the names of functions, and what is said of a crash."""

from pathlib import Path

import pytest
from debugging import AGAIN, LONG, RAM, UNDEFINED_WORD, attached, machine, state
from images import BOOTLOADER_UART1, BOOTLOADER_UART2, vendor

from bk7238 import Settings, Update, flash_image, package
from bk7238.cli import main
from bk7238.debug import attach, crash, elf
from bk7238.debug.debugger import Debugger
from bk7238.debug.gdbserver import GdbServer
from bk7238.debug.symbols import Function, Module, Symbols
from bk7238.machine import Machine

BUILT = Path(__file__).resolve().parents[2] / "firmware" / "reference" / "built"
PACKAGE = BUILT / "reference_1.0.1_gzip_aes.rbl"


@pytest.fixture
def gdb():
    with attached(machine()) as client:
        yield client


def test_help_names_every_verb_and_mistakes_are_explained(gdb):
    text = gdb.monitor("help")
    verbs = "reset cut link type catch blocks regs reg read irq partitions rbl goto snapshot where symbols log break"
    assert all(f"\n{verb}" in f"\n{text}" for verb in verbs.split())
    assert "; +N and -N count from here\n" in text  # a verb has one line, however it is written
    for line, answer in (
        ("nonsense", "no verb"),
        ("reg", "usage: reg BLOCK"),
        ("goto somewhere", "no number of instructions"),
        ("regs nowhere", "no block 'nowhere'; there is"),
        ("reg icu.NOTHING", "has no register"),
        ("reset hard", "no reset 'hard'"),
        ("break nothing", "no function 'nothing'"),
        ("read 0x400000", "no block is at"),
        ("'", "No closing quotation"),
        ("link drop", "in no air"),
    ):
        assert answer in gdb.monitor(line), line


def test_positions_and_named_snapshots(gdb):
    gdb.ask(f"Z0,{LONG + 400:x},4")
    gdb.ask("c")
    here, pc = gdb.monitor("where").split("(")[1].split(")")[0], gdb.pc
    gdb.monitor("snapshot here")
    gdb.ask("c")
    assert f"({here})" in gdb.monitor("goto here") and gdb.pc == pc
    gdb.monitor("goto -1")
    assert gdb.pc == pc - 4
    gdb.monitor("goto +1")
    assert gdb.pc == pc
    assert gdb.monitor("snapshot") == f"here: instruction {here}\n"
    assert "would hide" in gdb.monitor("snapshot 12")


def test_resets_and_what_they_spare(gdb):
    gdb.ask(f"M{RAM + 64:x},1:77")
    gdb.monitor("reset")
    assert gdb.pc == 0 and gdb.ask(f"m{RAM + 64:x},1") == "77"
    gdb.monitor("reset power-on")
    assert gdb.pc == 0 and gdb.ask(f"m{RAM + 64:x},1") == "00"
    gdb.ask("bc")
    assert gdb.ask(f"m{RAM + 64:x},1") == "00"


def test_registers_by_name_and_field(gdb):
    assert "config" in gdb.monitor("regs gpio").lower()
    assert gdb.monitor("reg icu.GLOBAL_INT_EN.irq 1") == "icu.GLOBAL_INT_EN.irq = 0x1\n"
    assert "irq=0x1 fiq=0x0" in gdb.monitor("reg icu.GLOBAL_INT_EN")
    assert gdb.server.debugger.machine.board.icu.GLOBAL_INT_EN.value == 1
    gdb.monitor("reg icu.INTERRUPT_ENABLE 0x100")
    assert " 8 IRQ enabled" in gdb.monitor("irq") and "masks IRQ, FIQ in supervisor mode" in gdb.monitor("irq")


def test_the_power_is_cut_before_a_flash_operation():
    device = machine()
    debugger = Debugger(device)
    debugger.flash_operations.cut_before(2)
    flash, kinds = device.board.flash, []
    flash.operated.connect(lambda kind, *_rest: kinds.append(kind))
    for sector in (0x10000, 0x11000, 0x12000):
        flash.write(0, 0x2000_0000 | 13 << 24 | sector)
    device.run(until=10)
    assert kinds == ["erase"] and device.resets == 1
    flash.write(0, 0x2000_0000 | 13 << 24 | 0x11000)
    assert kinds == ["erase"] * 2, "with the power it works again"


def test_a_crash_report_says_where_and_from_where():
    device = machine()
    symbols = Symbols()
    symbols.modules.append(Module("own", [Function(AGAIN, 0, "again")]))
    watcher = crash.Watcher(device, lambda: symbols)
    device.run(until=20_000)
    assert len(watcher.reports) == 3, "the first ones"
    first = watcher.reports[0]
    assert f"undefined instruction at {UNDEFINED_WORD:#010x} again+{UNDEFINED_WORD - AGAIN:#x}" in first
    assert f"=> {UNDEFINED_WORD:#010x} e7f000f0  udf #0" in first and "r4 00000032" in first


def test_a_jump_into_erased_flash_says_so():
    device = machine()
    watcher = crash.Watcher(device, Symbols)
    Debugger(device).target.set_register("pc", 0x8000)
    device.run(until=50)
    assert "undefined instruction at 0x00008000" in watcher.reports[0] and "erased flash" in watcher.reports[0]


# Names


def test_names_and_lines_of_an_elf():
    path = BUILT / "boot.elf"
    if not path.exists():
        pytest.skip("needs the built reference firmware (make in firmware/reference)")
    symbols = Symbols()
    symbols.add_elf(path)
    address = symbols.address("package_install")
    assert symbols.function(address + 8).name == "package_install"
    assert "install.c:" in symbols.line(address)
    moved = Symbols()
    moved.add_elf(path, 0x10000)
    assert moved.address("package_install") == address + 0x10000
    with pytest.raises(ValueError, match="there is package_install"):
        symbols.address("package_inst")


def test_a_name_ends_where_its_function_ends():
    symbols = Symbols()
    symbols.add_elf(BUILT / "boot.elf")
    [last] = [one for one in symbols.functions if one.start < 0x10000][-1:]
    assert symbols.describe(last.start + last.size - 4).startswith(last.name)
    assert symbols.function(last.start + last.size) is None and symbols.describe(0x10000) == ""


def test_a_function_without_a_size_ends_at_the_next_or_where_its_code_ends(tmp_path):
    path = tmp_path / "names.elf"
    path.write_bytes(elf.build([Function(0x101, 0, "thumb"), Function(0x200, 0, "arm")]))
    symbols = Symbols()
    symbols.add_elf(path)
    assert [function.size for function in symbols.functions] == [0x100, 0]
    assert symbols.function(0x1FE).name == "thumb"


@pytest.mark.full
def test_elfs_with_a_name_or_a_function_in_common_are_told_apart(tmp_path):
    """Two with code at the same addresses: which of them stands in the flash is looked at."""
    files = []
    for folder, name, address in (("other", "boot", 0x10000), ("right", "app-1.0.0", None)):
        (tmp_path / folder).mkdir()
        files.append((tmp_path / folder / "app.elf", address))
        files[-1][0].write_bytes((BUILT / f"{name}.elf").read_bytes())
    device = Machine(flash_image.read(BUILT / "reference_1.0.0.bin").data)
    symbols, right = attach.known_symbols(device, files), Symbols()
    right.add_elf(files[1][0])
    code = [one for one in right.functions if 0x10000 <= one.start < 0x16000]
    assert len(code) > 100 and symbols.address("right/app.elf:http_ota") == right.address("http_ota")
    for function in code:
        named = right.function(function.start)  # of two names at one place one
        said = f"{named.name}+0x0 ({right.line(function.start)})"
        assert symbols.describe(function.start) in (said, f"right/app.elf:{said}")
    assert symbols.describe(symbols.address("right/app.elf:main")).startswith("right/app.elf:main+0x0 (main.c:")
    with pytest.raises(ValueError, match=r"'main' is other/app\.elf:main and right/app\.elf:main; name one of them"):
        symbols.address("main")
    assert "in other/app.elf\n" in symbols.table("") and " in app.elf" not in symbols.table("")
    both = attach.known_symbols(device, [(BUILT / "boot.elf", None), (BUILT / "app-1.0.0.elf", None)])
    with pytest.raises(ValueError, match=r"'main' is boot\.elf:main and app-1\.0\.0\.elf:main; name one of them"):
        both.address("main")
    assert both.address("boot.elf:main") < 0x10000 < both.address("app-1.0.0.elf:main")
    assert both.describe(both.address("http_ota")).startswith("http_ota+0x0 (ota.c:")


def test_the_elf_that_is_offered_holds_the_names(tmp_path):
    path = tmp_path / "names.elf"
    path.write_bytes(elf.build([Function(0x101, 8, "thumb"), Function(0x200, 0, "arm")]))
    symbols = Symbols()
    symbols.add_elf(path)
    assert [(f.address, f.name) for f in symbols.functions] == [(0x101, "thumb"), (0x200, "arm")]


@pytest.mark.full
def test_the_vendor_boot_loader_is_recognised_in_both_builds():
    for name in (BOOTLOADER_UART1, BOOTLOADER_UART2):
        symbols = Symbols()
        symbols.recognise(vendor(name).read_bytes() + bytes(1000))
        assert symbols.address("ota_main") == 0x998D and "1.0.15" in symbols.title
        assert all(function.how for function in symbols.functions)
        assert len({function.start for function in symbols.functions}) == len(symbols.functions) > 90
        assert symbols.describe(0xB798) == "onchip_crc_write+0x0" and symbols.describe(0x10000) == ""
    unknown = Symbols()
    unknown.recognise(bytes(0x10000))
    assert not unknown.functions


# The command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "is no port"),
        (["--symbols", "nothing.elf"], "nothing.elf"),
        (["--symbols", "a.elf@here"], "write ELF@0x10000"),
        (["--break", "nothing"], "no function 'nothing'"),
        (["--delivered"], "needs a PACKAGE"),
        (["--fault", "package-key"], "--fault needs a PACKAGE"),
        (["--request", "other.rbl"], "--request needs a PACKAGE"),
        (["--ap-psk", "a passphrase"], "--ap-psk needs a PACKAGE"),
        ([PACKAGE, "--fault", "nonsense"], "no fault is called"),
        (["--listen", "203.0.113.1"], "cannot listen on"),
    ],
)
def test_bad_usage_is_one_line(words, said, capsys):
    image = BUILT / "reference_1.0.0.bin"
    if not image.exists():
        pytest.skip("needs the built reference firmware (make in firmware/reference)")
    status = main(["gdb", str(image), *map(str, words), *([] if "--port" in words else ["--port", "0"])])
    error = capsys.readouterr().err
    assert status == 2 and said in error and error.count("\n") == 1, error


@pytest.mark.parametrize(
    ("address", "shown", "warned"),
    [("127.0.0.1", "127.0.0.1:", 0), ("::1", "[::1]:", 0), ("localhost", "", 0), ("0.0.0.0", "0.0.0.0:", 1)],
)
def test_an_address_that_others_reach_is_warned_of(address, shown, warned, capsys, monkeypatch):
    monkeypatch.setattr(GdbServer, "serve", lambda _server: None)
    assert main(["gdb", str(BUILT / "reference_1.0.0.bin"), "--port", "0", "--listen", address]) == 0
    out, error = capsys.readouterr()
    assert f"target extended-remote {shown}" in out
    assert error.count("\n") == warned and error.startswith("bk7238: warning: whoever reaches" * warned)


@pytest.mark.full
def test_faults_go_back_in_time():
    image, rbl = flash_image.read(BUILT / "reference_1.0.0.bin"), package.read(PACKAGE)
    faults = ("body-corrupt:2@20%", "power-cut:torn@flash-op=6", "frame-loss:5%")
    update = Update(image, rbl, Settings(faults=faults))
    debugger = Debugger(update.machine)
    update.begin()
    positions, ends = [], []
    while update.machine.now < 3_000_000 and update.faults.silent:
        debugger.run_some()
        positions.append(debugger.timeline.position)
    debugger.timeline.goto(positions[-1])
    for _ in range(2):
        ends.append((state(update.machine), update.faults.as_json(), update.faults.operations.begun))
        debugger.timeline.goto(positions[len(positions) // 3])
        assert update.faults.silent
        debugger.timeline.goto(positions[-1])
    assert ends[0] == ends[1] and not update.faults.silent
    assert update.run().digest == Update(image, rbl, Settings(faults=faults)).run().digest


@pytest.mark.full
def test_the_table_names_what_it_rests_on():
    """Where a name is the boot loader's own text, the text is in it."""
    code = vendor(BOOTLOADER_UART2).read_bytes()
    symbols = Symbols()
    symbols.recognise(code)
    named = [function for function in symbols.functions if "its own name" in function.how]
    assert len(named) > 12 and all(function.name.encode() + b"\0" in code for function in named)
