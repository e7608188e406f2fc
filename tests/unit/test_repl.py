"""The reader of platform descriptions: what Renode accepts of our types, and one clear line for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_run import examples

from bk7238.engine.repl import Block, CpuEntry, DeviceEntry, MemoryEntry, Platform, ReplError, Tag, Wire, load, loads

CPU = 'cpu: CPU.ARMv7A @ sysbus { cpuType: "arm946" }\n'
BLOCK = 'Beken.PyPeripheral @ sysbus {address} {{ model: "m:C"; size: 0x100; lines: 8{more} }}\n'


def block(name: str, address: int = 0x1000, more: str = "") -> str:
    return f"{name}: " + BLOCK.format(address=hex(address), more=more and "; " + more)


def wires(more: str) -> list[tuple[str, int | None, str, int]]:
    """The wires of a block `a` with these attributes, beside the blocks `icu` and `wdt`."""
    text = CPU + block("a", 0x1000, more) + block("icu", 0x2000) + block("wdt", 0x3000)
    return [(wire.source, wire.output, wire.target, wire.input) for wire in loads(text).wires]


def error(text: str) -> str:
    with pytest.raises(ReplError) as caught:
        loads(text, "board.repl")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_whole_description():
    platform = loads("""
// The board
cpu: CPU.ARMv7A @ sysbus
    cpuType: "arm946"
    PerformanceInMips: 30
    init:
        PC 0x100

ram: Memory.MappedMemory @ sysbus 0x400000 /* all of it */
    size: 0x4_0000

/* Blocks
   of the chip */
icu: Beken.PyPeripheral @ sysbus <0x802000, +0x100>
    model: "icu:Icu"
    size: 256
    lines: 2
    [0, 1] -> cpu@[0, 1]

uart1: Beken.PyUart @ sysbus 0x802100 { model: "uart:Uart";
  size: 0x100; args: "depth=0x80, name = main,level=-5"; -> icu@3 }

sysbus:
    init:
        Tag <0x806000 0x10> "LOGIC_ANALYSER" 0x7
        Tag <0x807000, 0x807003> 'OTHER' # with its last address
        SilenceRange <0x808000 0x100>
""")
    assert platform == Platform(
        cpu=CpuEntry("cpu", "CPU.ARMv7A", "arm946", mips=30, pc=0x100),
        memories=(MemoryEntry("ram", 0x400000, 0x40000),),
        blocks=(
            Block("icu", "Beken.PyPeripheral", 0x802000, 0x100, "icu:Icu", lines=2),
            Block(
                "uart1",
                "Beken.PyUart",
                0x802100,
                0x100,
                "uart:Uart",
                args={"depth": 0x80, "name": "main", "level": -5},
            ),
        ),
        wires=(Wire("icu", 0, "cpu", 0), Wire("icu", 1, "cpu", 1), Wire("uart1", None, "icu", 3)),
        tags=(Tag("LOGIC_ANALYSER", 0x806000, 0x10, 7), Tag("OTHER", 0x807000, 4)),
        silenced=((0x808000, 0x100),),
    )


def test_devices_hang_on_blocks_from_files_of_their_own(tmp_path):
    (tmp_path / "board.repl").write_text(CPU + block("gpio") + block("spi", 0x2000))
    (tmp_path / "one.repl").write_text('key: Beken.PyDevice @ gpio 26 { model: "button:Button"; args: "bounces=3" }\n')
    (tmp_path / "two.repl").write_text('oven: Beken.PyDevice @ spi\n    model: "a.b:Oven"\n')
    platform = load(tmp_path / "board.repl", tmp_path / "one.repl", tmp_path / "two.repl")
    assert platform.devices == (
        DeviceEntry("key", "gpio", 26, "button:Button", {"bounces": 3}),
        DeviceEntry("oven", "spi", None, "a.b:Oven"),
    )
    assert platform.devices[0].module == "bk7238.things.button" and platform.devices[1].module == "a.b"
    assert load(tmp_path / "board.repl").devices == ()


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ('x: Beken.PyDevice @ spi { model: "m:C" }', 21, "no block is called spi; x can hang on one of gpio"),
        ('x: Beken.PyDevice @ sysbus 0x10 { model: "m:C" }', 21, "no block is called sysbus; "),
        ('x: Beken.PyDevice @ cpu { model: "m:C" }', 21, "no block is called cpu; "),
        ('x: Beken.PyDevice @ none { model: "m:C" }', 1, "x is on no bus; hang it on a block: '@ gpio 26'"),
        ('x: Beken.PyDevice @ { gpio 1; gpio 2 } { model: "m:C" }', 31, "a second place on the bus is not supported"),
        ('x: Beken.PyDevice @ gpio <0, 1> { model: "m:C" }', 26, "a range is no place for a device; write the number"),
        ('x: Beken.PyDevice @ gpio 1.5 { model: "m:C" }', 26, "a number is no place for a device; write the number"),
        ("x: Beken.PyDevice @ gpio 1", 1, "x has no model; a Beken.PyDevice needs one"),
        ('x: Beken.PyDevice @ gpio 1 { model: "m" }', 37, "'m' names no class; "),
        (
            'x: Beken.PyDevice @ gpio 1 { model: "m:C"; size: 4 }',
            44,
            "a Beken.PyDevice has no size; it has model, args",
        ),
        ('x: Beken.PyDevice @ gpio 1 { model: "m:C"; -> gpio@1 }', 44, "x, a Beken.PyDevice, has no outputs; "),
    ],
)
def test_a_device_that_cannot_hang_there_is_named(text: str, where: int, problem: str):
    assert error(CPU + block("gpio") + text + "\n").startswith(f"board.repl:3:{where}: {problem}")


def test_what_has_a_name_can_be_found():
    platform = loads(CPU + block("a"))
    assert platform.find("a") is platform.blocks[0]
    assert platform.find("cpu") is platform.cpu
    with pytest.raises(KeyError, match="'b'"):
        platform.find("b")


def test_defaults():
    platform = loads(CPU + 'cpu: { PerformanceInMips: none }\na: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: 4 }\n')
    assert (platform.cpu.mips, platform.cpu.pc, platform.cpu.cpu_id) == (100, 0, 0)
    assert (platform.blocks[0].lines, platform.blocks[0].args) == (0, {})


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("-> icu@3", [(None, "icu", 3)]),
        ("IRQ -> icu@3", [(None, "icu", 3)]),
        ("3 -> icu@0x10", [(3, "icu", 16)]),
        ("0-2 -> icu@5-7", [(0, "icu", 5), (1, "icu", 6), (2, "icu", 7)]),
        ("[0, 1-2] -> icu@[1, 5-6]", [(0, "icu", 1), (1, "icu", 5), (2, "icu", 6)]),
        ("[0-2] -> icu@[9-7]", [(0, "icu", 9), (1, "icu", 8), (2, "icu", 7)]),
        ("[IRQ, 0] -> icu@[1, 2]", [(None, "icu", 1), (0, "icu", 2)]),
        ("IRQ -> icu@1 | wdt@2 | cpu@0", [(None, "icu", 1), (None, "wdt", 2), (None, "cpu", 0)]),
        ("IRQ -> none", []),
        ("4 -> a@1", [(4, "a", 1)]),
    ],
)
def test_wires(attributes: str, expected: list[tuple[int | None, str, int]]):
    assert wires(attributes) == [("a", *wire) for wire in expected]


def test_a_later_entry_overrides_an_earlier_one():
    platform = loads(
        CPU + block("a", 0x1000, "IRQ -> cpu@0; 1 -> cpu@1") + 'a: @ sysbus 0x5000 { args: "x=1"; IRQ -> cpu@1 }\n'
    )
    assert platform.blocks[0].address == 0x5000
    assert platform.blocks[0].args == {"x": 1}
    assert platform.wires == (Wire("a", None, "cpu", 1), Wire("a", 1, "cpu", 1))


def test_a_later_entry_takes_a_block_off_the_bus():
    text = CPU + block("icu") + block("pwm", 0x2000) + "pwm: @ none\n" + block("audio", 0x2000)
    assert [one.name for one in loads(text).blocks] == ["icu", "audio"]
    with pytest.raises(ReplError, match="nothing is called pwm"):
        loads(text + "icu: { 3 -> pwm@0 }\n")


def test_init_add_appends_and_init_replaces():
    text = CPU + "sysbus: { init: { SilenceRange <0, 3> } }\n"
    assert loads(text + "sysbus: { init add: { SilenceRange <8 4> } }\n").silenced == ((0, 4), (8, 4))
    assert loads(text + "sysbus: { init: { SilenceRange <8 4> } }\n").silenced == ((8, 4),)


def test_a_bridge_loaded_for_renode_is_passed_over():
    more = "preinit: { include @bridge.cs }"
    assert loads(CPU + block("a", more=more)) == loads(CPU + block("a"))


def test_multi_line_strings_and_escapes():
    text = """a: Beken.PyUart @ sysbus 0x0
    size: 0x100
    model: '''m:C'''
    args: '''x=1,
y=z'''
b: Beken.PyUart @ sysbus 0x100 { model: "m:C"; size: 0x100; args: "q=\\"\\\\" }
"""
    platform = loads(CPU + text)
    assert [block.args for block in platform.blocks] == [{"x": 1, "y": "z"}, {"q": '"\\'}]


def test_using_reads_the_other_file_first(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "cpu.repl").write_text(CPU + block("a"))
    (tmp_path / "board.repl").write_text('using "./part/cpu.repl"\n\n' + block("b", 0x2000, "-> cpu@0"))
    platform = load(tmp_path / "board.repl")
    assert [block.name for block in platform.blocks] == ["a", "b"]
    (tmp_path / "part" / "cpu.repl").write_text(CPU + "fault: Nothing @ sysbus\n")
    with pytest.raises(ReplError, match=r"part/cpu\.repl:2:8: unknown type Nothing; "):
        load(tmp_path / "board.repl")


def test_a_local_block_is_seen_in_its_file_only(tmp_path):
    (tmp_path / "cpu.repl").write_text(CPU + "local " + block("a", more="-> cpu@0"))
    (tmp_path / "board.repl").write_text('using "./cpu.repl"\n' + block("b", 0x2000))
    assert load(tmp_path / "board.repl").wires == (Wire("a", None, "cpu", 0),)
    (tmp_path / "board.repl").write_text('using "./cpu.repl"\n' + block("b", 0x2000, "-> a@0"))
    with pytest.raises(ReplError, match=r"board\.repl:2:\d+: nothing is called a; "):
        load(tmp_path / "board.repl")


def test_errors_of_files(tmp_path):
    path = tmp_path / "board.repl"
    with pytest.raises(ReplError, match=r"board\.repl:1:1: cannot read"):
        load(path)
    path.write_bytes(b"cpu: \xff")
    with pytest.raises(ReplError, match="byte 5 is not UTF-8; save it as UTF-8"):
        load(path)
    path.write_text('using "./board.repl"\n')
    with pytest.raises(ReplError, match=r"board\.repl:1:7: board.repl uses itself; "):
        load(path)
    path.write_text('using "./gone.repl"\n')
    with pytest.raises(ReplError, match=r"board\.repl:1:7: cannot read .*gone"):
        load(path)
    (tmp_path / "cpu.repl").write_text(CPU)
    path.write_text('using "./cpu.repl"\nusing "./cpu.repl"\n')
    with pytest.raises(ReplError, match=r"board\.repl:2:7: \./cpu\.repl is used twice"):
        load(path)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        # Layout
        ("    cpu: CPU.ARMv7A @ sysbus\n", "1:5", "indented too far"),
        ("cpu: CPU.ARMv7A @ sysbus\n  cpuType: 1\n", "2:3", "indented by 2 spaces"),
        ("cpu: CPU.ARMv7A @ sysbus\n        cpuType: 1\n", "2:9", "indented too far"),
        ("cpu: CPU.ARMv7A @ sysbus\n\tcpuType: 1\n", "2:1", "a tab"),
        ("cpu: CPU.ARMv7A @ sysbus {\n", "1:26", "never closed"),
        ("cpu: CPU.ARMv7A @ sysbus }\n", "1:26", "nothing to close"),
        ("a: B @ sysbus // fine\nb:// not\n", "2:3", "unexpected '//'"),
        ("/* so far\n", "1:1", "comment is never closed"),
        ("/* so far */ cpu: CPU.ARMv7A @ sysbus\n", "1:1", "text follows this comment"),
        ("/* so\nfar */ cpu: CPU.ARMv7A @ sysbus\n", "1:1", "text follows this comment"),
        ("cpu: CPU.ARMv7A @ sysbus\n    cpuType: [\n        1]\n", "3:9", "a dictionary is not supported here"),
        # Tokens
        ('a: B { model: "x }\n', "1:15", "malformed string"),
        ('a: B { model: "x\\n" }\n', "1:15", "malformed string"),
        ("a: B { model: '''x }\n", "1:15", "malformed multi-line string"),
        ("a: B { model: '''xy''' }\n", "1:15", "a multi-line string that Renode misreads"),
        ("a: B { model: '''x{y''' }\n", "1:15", "a multi-line string that Renode misreads"),
        ("a: B { model: '''m:C'''; args: '''x=1''' }\n", "1:32", "a second multi-line string on this line"),
        ("a: B { model: \"x'''y\" }\n", "1:15", "''' in a string"),
        ("// a ''' quote\n", "1:1", "''' in a comment"),
        ("/* a ''' quote */\n", "1:1", "''' in a comment"),
        ("a: B { size: 0x10000000000000000 }\n", "1:14", "does not fit"),
        (f"a: B {{ size: {'9' * 5000} }}\n", "1:14", "100 digits"),
        ("a: B { size: 0X10 }\n", "1:15", "unexpected 'X10'"),
        ("a: B { size: 1__0 }\n", "1:15", "unexpected '_'"),
        ("ä: B\n", "1:1", "unexpected 'ä'"),
        # Grammar
        ("none: B\n", "1:1", "unexpected 'none'"),
        ("a B\n", "1:3", "unexpected 'B'"),
        ("a: B @\n", "2:1", "unexpected the end of the file"),
        ("a: B { x: }\n", "1:11", "unexpected '}'"),
        ("a: B { x }\n", "1:10", "unexpected '}'"),
        ("a: B { x: 1;; y: 2 }\n", "1:13", "unexpected ';'"),
        ("a: B { x: 1; }\n", "1:14", "unexpected '}'"),
        ("a: B @ { sysbus 0x0; }\n", "1:22", "unexpected '}'"),
        ("a: B @ sysbus none\n", "1:15", "unexpected 'none'"),
        ("a: B { x: [none] }\n", "1:12", "unexpected 'none'"),
        ("prefixed: B\n", "1:1", "unexpected 'prefixed'"),
        ("a: B { x: 1 y: 2 }\n", "1:13", "unexpected 'y'"),
        ("a: B;\nb: C\n", "2:1", "unexpected ';'"),
        ("a: B { r: <4, 2> }\n", "1:15", "ends before it begins"),
        ("a: B { 1 -> icu@[1] }\n", "1:17", "unexpected '['"),
        ("a: B { [1] -> icu@1 }\n", "1:19", "unexpected '1'"),
        ("a: B { [0-2] -> icu@[1-2] }\n", "1:17", "3 outputs to 2 inputs"),
        ("a: B { 1-1 -> icu@1-1 }\n", "1:10", "a range of one wire"),
        ("a: B { 0-4000000000 -> icu@0-4000000000 }\n", "1:10", "no wire has the number"),
        # Valid in Renode
        ('a: B @ sysbus 0x0 as "b"\n', "1:19", "an alias is not supported here"),
        ("a: B { x: new C { y: 1 } }\n", "1:11", "an inline object ('new') is not supported here"),
        ("a: B { x: { 1: 2 } }\n", "1:11", "a dictionary is not supported here"),
        ("a: B { x: .Little }\n", "1:11", "a shortened enumeration value is not supported here"),
        ("a: B { x: [[1]] }\n", "1:12", "a list in a list is not supported here"),
        ("a: B { 1 -> icu#0@1 }\n", "1:16", "a local input ('#') is not supported here"),
        ('using "./x.repl" prefixed "y"\n', "1:18", "a prefix is not supported here"),
        ('using "platforms/x.repl"\n', "1:7", "the library 'platforms/x.repl' is not supported here"),
        # Entries
        ("", "1:1", "there is no CPU"),
        (CPU + CPU.replace("cpu:", "cpu2:"), "2:1", "a second CPU is not supported here"),
        (CPU + "a: Beken.PyThing @ sysbus 0x0\n", "2:4", "unknown type Beken.PyThing"),
        (CPU + "a: PyUart @ sysbus 0x0\n", "2:4", "unknown type PyUart"),
        (CPU + CPU, "2:1", "cpu is declared already, at board.repl:1:1"),
        (CPU + block("sysbus"), "2:1", "sysbus is built in"),
        (CPU + "a:\n    size: 4\n", "2:1", "nothing is called a"),
        (CPU + "cpu:\n", "2:1", "the entry cpu is empty"),
        (CPU + "sysbus: { Endianess: 1 }\n", "2:11", "only init is supported here"),
        (CPU + block("a", more="size: 4"), "2:78", "size stands twice in this entry"),
        (CPU + block("a", more="colour: 4"), "2:78", "a Beken.PyPeripheral has no colour"),
        (CPU + block("a", more="Size: 4"), "2:78", "a Beken.PyPeripheral has no Size"),
        (CPU + block("a", more="init: { PC 0x0 }"), "2:86", "'PC' for a is not supported here"),
        (CPU + block("a", more="reset: { PC 0x0 }"), "2:87", "'PC' in reset is not supported here"),
        (CPU + block("a", more="init: { A }; init add: { A }"), "2:91", "init stands twice"),
        (CPU + block("a", more="init: { }"), "2:78", "an empty statement in init"),
        (CPU + block("a", more="init: { A; ; B }"), "2:78", "an empty statement in init"),
        # Monitor statements
        (CPU + 'sysbus: { init: { Tag <0, 4> "x" 1 2 } }\n', "2:36", "unexpected '2'"),
        (CPU + "sysbus: { init: { Tag <0, 4> x } }\n", "2:30", "unexpected 'x'"),
        (CPU + 'sysbus: { init: { Tag <0, 4> "a\\"b" } }\n', "2:33", "unexpected 'b'"),
        (CPU + "sysbus: { init: { SilenceRange <0, +0x4> } }\n", "2:32", "unexpected '<'"),
        (CPU + "sysbus: { init: { SilenceRange <0x0, +4 > x } }\n", "2:43", "unexpected 'x'"),
        (CPU + "sysbus: { init: { SilenceRange <0x1_0 4> } }\n", "2:32", "unexpected '<'"),
        (CPU + "sysbus: { init: { SilenceRange <-1, 4> } }\n", "2:32", "unexpected '<'"),
        (CPU + "sysbus: { init: { SilenceRange <4, 2> } }\n", "2:32", "ends before it begins"),
        (CPU + "sysbus: { init: { SilenceRange <4 0> } }\n", "2:32", "a range of 0x0 bytes"),
        (CPU + "sysbus: { init: { SilenceRange <4, 0x100000000> } }\n", "2:32", "of 32 bits"),
        (CPU + "sysbus: { init: { SilenceRange 4 } }\n", "2:32", "unexpected '4'"),
        (CPU + "sysbus: { init: { SilenceRange } }\n", "2:31", "unexpected the end of the statement"),
        (CPU + "sysbus: { init: { #SilenceRange } }\n", "2:32", "unexpected the end of the statement"),
        (CPU + "sysbus: { init: { SilenceRange <0, 4>; SilenceRange <4, 8> } }\n", "2:40", "this range overlaps this"),
        (CPU + block("a") + "sysbus: { init: { SilenceRange <0x10FF, 0x1100> } }\n", "3:19", "this range overlaps a"),
        (CPU + "cpu: { init: { PC 0x1_0 } }\n", "2:22", "unexpected '_0'"),
        (CPU + "cpu: { init: { PC 0x100000000 } }\n", "2:19", "does not fit"),
        (CPU + block("a", more="preinit: { include x.cs }"), "2:97", "unexpected 'x.cs'"),
        (CPU + block("a", more="preinit: { include @a.cs b }"), "2:103", "unexpected 'b'"),
        (CPU + "cpu: { init: { PC -1 } }\n", "2:19", "unexpected '-1'"),
        (CPU + "cpu: { init: { PC 18446744073709551615 } }\n", "2:19", "does not fit"),
        (CPU + "sysbus: { init: { LogLevel 1 } }\n", "2:19", "'LogLevel' for sysbus is not supported here"),
        # Attributes
        ("cpu: CPU.ARMv7A @ sysbus { cpuId: 1 }\n", "1:1", "cpu has no cpuType"),
        ('cpu: CPU.ARMv7A @ sysbus { cpuType: "arm968" }\n', "1:37", "cpuType 'arm968' is not supported here"),
        ("cpu: CPU.ARMv7A @ sysbus { cpuType: arm946 }\n", "1:37", "cpuType takes a string, not a reference"),
        ('cpu: CPU.ARMv7A @ sysbus 0x0 { cpuType: "arm946" }\n', "1:26", "a CPU has no address"),
        ('cpu: CPU.ARMv7A { cpuType: "arm946" }\n', "1:1", "cpu is on no bus"),
        ('cpu: CPU.ARMv7A @ none { cpuType: "arm946" }\n', "1:1", "cpu is on no bus"),
        (CPU + "cpu: { PerformanceInMips: 0 }\n", "2:27", "PerformanceInMips is 0"),
        (CPU + "cpu: { PerformanceInMips: 1.5 }\n", "2:27", "PerformanceInMips is 1.5"),
        (CPU + "cpu: { PerformanceInMips: 0x100000000 }\n", "2:27", "write a number of 32 bits"),
        (CPU + "cpu: { genericInterruptController: gic }\n", "2:8", "genericInterruptController is not supported here"),
        (CPU + "ram: Memory.MappedMemory @ sysbus 0x0\n", "2:1", "ram has no size"),
        (CPU + "ram: Memory.MappedMemory @ sysbus 0x0 { size: 0 }\n", "2:35", "use multiples of 0x1000"),
        (CPU + "ram: Memory.MappedMemory @ sysbus 0x0 { size: 100 }\n", "2:35", "use multiples of 0x1000"),
        (CPU + "ram: Memory.MappedMemory @ sysbus { size: 0x1000 }\n", "2:28", "ram has no address"),
        (CPU + "ram: Memory.MappedMemory @ bus 0x0 { size: 0x1000 }\n", "2:28", "bus takes no blocks"),
        (CPU + "ram: Memory.MappedMemory @ sysbus <0, +0x2000> { size: 0x1000 }\n", "2:35", "make the two equal"),
        (
            CPU + "ram: Memory.MappedMemory @ sysbus 0xFFFFF000 { size: 0x2000 }\n",
            "2:35",
            "outside of the address space",
        ),
        (CPU + "ram: Memory.MappedMemory @ { sysbus 0; sysbus 0x1000 } { size: 0x1000 }\n", "2:40", "a second place"),
        (CPU + 'ram: Memory.MappedMemory @ sysbus "0" { size: 0x1000 }\n', "2:35", "a string is no address"),
        (CPU + "a: Beken.PyUart @ sysbus 0x0 { size: 4 }\n", "2:1", "a has no model"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m:C" }\n', "2:1", "a has no size"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m.C"; size: 4 }\n', "2:39", "'m.C' names no class"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x2 { model: "m:C"; size: 4 }\n', "2:26", "use multiples of 0x4"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: -4 }\n', "2:52", "size is -4"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: empty }\n', "2:52", "'empty' is not supported here"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: [4] }\n', "2:52", "size takes a number, not a list"),
        (CPU + 'a: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: 4; lines: none }\n', "2:62", "no 'none' for lines"),
        (CPU + block("a", more='args: "x"'), "2:84", "'x' is no argument"),
        (CPU + block("a", more='args: "x=1,x=2"'), "2:84", "the argument x stands twice"),
        (CPU + block("a") + block("b", 0x10FC), "3:1", "b overlaps a"),
        (CPU + block("a", 0x10FC) + block("b"), "3:1", "b overlaps a"),
        # Wires
        (CPU + block("a", more="8 -> cpu@0"), "2:78", "a has no output 8; its lines are numbered 0 to 7"),
        (CPU + block("a", more="FIQ -> cpu@0"), "2:78", "a has no output FIQ"),
        (CPU + block("a", more="0 -> cpu@2"), "2:83", "cpu has no input 2; 0 is IRQ, 1 is FIQ"),
        (CPU + block("a", more="0 -> b@2"), "2:83", "nothing is called b"),
        (CPU + block("a", more="0 -> sysbus@2"), "2:83", "sysbus has no inputs"),
        (CPU + block("a", more="0 -> cpu@0; 0 -> cpu@1"), "2:90", "output 0 is wired twice"),
        (CPU + block("a", more="-> cpu@0; IRQ -> cpu@1"), "2:88", "output IRQ is wired twice"),
        (CPU + "cpu: { 0 -> cpu@0 }\n", "2:8", "cpu, a CPU.ARMv7A, has no outputs"),
    ],
)
def test_errors_name_place_problem_and_remedy(text: str, where: str, problem: str):
    message = error(text)
    assert message.startswith(f"board.repl:{where}: ")
    assert problem in message
    assert "; " in message


WORDS = """
cpu: | CPU.ARMv7A | @ sysbus | { | } | ; | cpuType: | "arm946" | size: | 0x1000 | 4096 | model: "m:C" | lines: 4
| a: | b: | -> | cpu@0 | IRQ | [0-2] | <0x0, +0x10> | init: | init add: | Tag | PC | using | ''' | // | /* | */ | none
| empty | new | local | Beken.PyUart | - | as | # | Memory.MappedMemory | sysbus: | preinit: | true | . | , | [ | ] | _1
| 0x | 1-2 | SilenceRange | <0x0 0x10> | < | > | PC 16 | a: Beken.PyUart @ sysbus 0x0 { model: "m:C"; size: 4
| b: Beken.PyUart @ sysbus 0x100 | '''abc''' | true | prefixed
"""
FRAGMENTS = st.sampled_from([*WORDS.replace("\n", "").split("|"), "\n", "\n    ", "\r\n", "\t", "\\", '"'])


@examples(100)
@given(st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=60).map("".join)))
def test_any_text_gives_a_platform_or_an_error(text: str):
    for candidate in (text, CPU + text):
        try:
            platform = loads(candidate)
        except ReplError as error:
            assert str(error).count("\n") == 0
        else:
            assert isinstance(platform, Platform)
