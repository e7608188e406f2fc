"""What a test is given: its image and package, and what its markers say. All that is wrong with them is said in one
line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from bk7238 import testing

if TYPE_CHECKING:
    from bk7238.chip import Chip
    from bk7238.formats.scrambling import Coefficients
    from bk7238.image import FlashImage

T = TypeVar("T")
SETTINGS = ("seed", "engine", "chip", "flash_key")
"""Those that all devices of a run of pytest may have in common, by option."""
FILES = pytest.StashKey[dict[str, Path]]()
"""What the command line, the configuration and the markers name; not what a test itself names for one more device."""


def checked(read: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """What `read` gives; where it raises ValueError the test fails with that line, and no traceback."""
    try:
        return read(*arguments, **more)
    except ValueError as error:
        why = str(error)
    pytest.fail(f"bk7238: {why}", pytrace=False)


def device(item: pytest.Item, **more: Any) -> testing.Dut:
    """The device of a test, or with `more` settings another one beside it. `image` and `package` are files, or have
    been read already; a package that is False is none, and so is that of a device with `update=False`."""
    from bk7238.bench.settings import Settings
    from bk7238.debug import symbols
    from bk7238.image import FlashImage, Package, package

    config = item.config
    settings = {**checked(_marked, item), **more}
    chosen = {name: settings.pop(name, None) for name in ("image", "package")}
    elves = [*config.getoption("bk7238_symbols"), *settings.pop("symbols", ())]
    if not settings.pop("update", True):
        chosen["package"] = False
    files = {
        name: _file(config, name, one)
        for name, one in chosen.items()
        if one is not False and not isinstance(one, (FlashImage, Package))
    }
    item.stash.setdefault(FILES, {}).update({name: path for name, path in files.items() if name not in more})
    settings = {**{name: config.getoption(f"bk7238_{name}") for name in SETTINGS}, **settings}
    whose = checked(Settings, chip=settings["chip"], flash_key=settings["flash_key"])
    image = checked(_image, files["image"], whose.chip, whose.flash_key) if "image" in files else chosen["image"]
    update_package = checked(package.read, files["package"]) if "package" in files else chosen["package"] or None
    dut = testing.Dut(image, update_package, Settings())
    dut.symbols = [checked(symbols.symbol_file, _found(config, str(elf))) for elf in elves]
    checked(symbols.check, dut.symbols)
    checked(dut.configure, **settings)
    dut.embedded = config.getini("bk7238_embedded")
    if config.getoption("bk7238_no_boots"):
        dut.cache = None
    return dut


def _image(path: Path, chip: Chip | None, key: Coefficients | None) -> FlashImage:
    """The image in a file. It is looked at once for all tests, as long as it stays as it is."""
    from bk7238 import host_files
    from bk7238.image import flash_image

    known = _images.get(path)
    with suppress(OSError):
        if (
            chip is None
            and key is None
            and known is not None
            and host_files.read(path, host_files.BINARY) == known.data
        ):
            return known
    image = flash_image.read(path, chip=chip, key=key)
    if chip is None and key is None:
        _images.clear()  # most tests have the same one
        _images[path] = image
    return image


_images: dict[Path, FlashImage] = {}


def _file(config: pytest.Config, name: str, marked: str | Path | None) -> Path:
    """The image or the package of a test: of its marker, the command line or the configuration. Where none is named,
    or one of the vendor's that is not here, the test is skipped; where one is not where it should be, it fails."""
    from bk7238 import firmware, resources

    chosen = marked or config.getoption(f"bk7238_{name}") or config.getini(f"bk7238_{name}")
    if not chosen:
        pytest.skip(f"no {name}: name one with --bk7238-{name}, bk7238_{name} in the configuration, or the marker")
    path = Path(chosen)
    for candidate in (*_places(config, path), resources.located(path)):
        if candidate.is_file():
            return candidate
    if str(chosen) == path.name and path.name in (one.file for one in firmware.manifest()):
        pytest.skip(f"needs the vendor {name} {chosen} (see `bk7238 firmware list`)")
    pytest.fail(f"bk7238: {chosen}: no such file; name the {name} as it is seen from here", pytrace=False)


def _places(config: pytest.Config, path: Path) -> list[Path]:
    """Where a file may lie: as it is seen from where pytest was started, from its root, or from its configuration."""
    folders = [config.invocation_params.dir, config.rootpath]
    folders += [] if config.inipath is None else [config.inipath.parent]
    return [folder / path for folder in folders]


def _found(config: pytest.Config, elf: str) -> str:
    """ELF[@ADDRESS] with the path of the file."""
    name, at, address = elf.rpartition("@") if "@" in elf else (elf, "", "")
    path = next((path for path in _places(config, Path(name)) if path.is_file()), Path(name))
    return f"{path}{at}{address}"


def _marked(item: pytest.Item) -> dict[str, Any]:
    """The settings that markers name; the nearest marker wins. Raises ValueError."""
    from bk7238.faults import Fault, Spec

    given: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("bk7238"))):
        if marker.args:
            raise ValueError(f"marker bk7238 takes settings by name, as in image='full.bin', not {marker.args[0]!r}")
        given.update(marker.kwargs)
    faults: list[Any] = []
    for marker in reversed(list(item.iter_markers("fault"))):
        if marker.kwargs or not marker.args or not all(isinstance(one, (str, Spec, Fault)) for one in marker.args):
            raise ValueError("the marker fault takes a fault as text, as in fault('network-stall@50%')")
        faults += marker.args
    return {**given, "faults": (*given.get("faults", ()), *faults)}
