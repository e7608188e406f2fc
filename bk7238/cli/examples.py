"""The examples in the help of each command, as they are typed."""

from __future__ import annotations

_REFERENCE = "reference_1.0.0.bin reference_1.0.1_gzip_aes.rbl"

EXAMPLES = {
    "": ("demo", "init full.bin app.rbl", "ota full.bin app.rbl --artifacts out"),
    "ota": (
        f"ota {_REFERENCE}",
        'ota full.bin app.rbl --ssid "My network" --psk "a passphrase" --artifacts out',
        "ota full.bin app.rbl --fault power-cut:torn@flash-op=1200",
    ),
    "run": (
        'run full.bin --expect-text "TCP server listening"',
        "run full.bin --send help --after 3s --within 10s",
        'run full.bin --ssid "My network" --psk "a passphrase" --forward 8080:80',
        "run full.bin --fetch http://192.168.4.1/",
    ),
    "live": (
        "live reference_1.0.0.bin --hours 24 --every 10min",
        "live full.bin --router wpa3 --psk 'a passphrase' --fault router-restart:off=150s,channel=11@40s",
        "live full.bin --every 20min --outage router-restart:off=5s,leases=taken --json",
    ),
    "sweep": (
        f"sweep {_REFERENCE} --artifacts out",
        "sweep full.bin app.rbl --of network --tier full --journal network.jsonl",
        "sweep full.bin app.rbl --of network-cuts --fault network-stall:20s",
        f"sweep {_REFERENCE} --of second --depth 3",
    ),
    "zoo": (f"zoo {_REFERENCE} --bootloader bootloader.bin --artifacts out",),
    "export": (
        "export out/ 1200:torn -o flash.bin",
        "export out/ 1200:torn+1300:after -o flash.bin --json",
    ),
    "report": ("report vendor/ reference/ -o report.html",),
    "verify": ("verify evidence/", "verify evidence/ --inputs firmware/ --processes 2 --json"),
    "gdb": ("gdb full.bin app.rbl --symbols app.elf", "gdb full.bin --run --listen ::1 --port 0"),
    "view": (
        f"view {_REFERENCE}",
        'view full.bin --ssid "My network" --psk "a passphrase"',
        "view out/",
        "view out/ --replay 1200:torn",
    ),
    "monitor": ('monitor full.bin --ssid "My network" -e start', "monitor --robot 8270"),
    "faults": ("faults", "faults power-cut"),
    "firmware list": ("firmware list",),
    "firmware where": ("firmware where reference_1.0.0.bin",),
    "firmware fetch": ("firmware fetch", "firmware fetch OpenBK7238_QIO_1.18.300.bin"),
    "boards": ("boards", "boards --json", "boards bk7238 -o acme7238"),
    "doctor": ("doctor",),
    "demo": ("demo", "demo --list", "demo brick --artifacts out"),
    "init": ("init full.bin app.rbl --symbols app.elf", f"init {_REFERENCE} --yes -o tests"),
    "lint": ("lint", "lint tests brown-out.toml --json"),
    "completion": ("completion bash",),
    "image pack": ("image pack -f app.bin -v 1.0.1 -p app -c gzip -s aes -o app.rbl",),
    "image unpack": ("image unpack app.rbl -o app.bin",),
    "image build": (
        "image build --bootloader boot.bin --app app-1.0.1.bin -o full.bin",
        "image build parts -o full.bin",
    ),
    "image split": ("image split full.bin -o parts",),
    "image info": ("image info full.bin",),
    "image partitions": (
        "image partitions full.bin",
        "image partitions full.bin --move download=0x133000+0xa0000 -o moved.bin",
    ),
    "image check": ("image check full.bin app.rbl",),
}


def of(prog: str) -> tuple[str, ...]:
    """The examples of a command, which a parser knows as `bk7238 ota`, without the word bk7238."""
    return EXAMPLES.get(prog.partition(" ")[2], ())
