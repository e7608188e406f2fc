"""Makes the blocks and the devices that a platform description names, and connects them.

What the description cannot know is checked here against the models: sizes, arguments, outputs and inputs. Errors
name the place in the description.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from bk7238.engine.platform import Block, DeviceEntry, Modelled, Platform, Wire
from bk7238.peripherals import core
from bk7238.peripherals.core import Bus, Carrier, Clock, Input, Log, Net, Peripheral, ResetKind, Services
from bk7238.randomness import Randomness


@dataclass(frozen=True)
class BoardSnapshot:
    """The state of all blocks, the levels at their inputs, and those of the wires that meet there."""

    blocks: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, int]]
    nets: list[int]


class Board:
    """The blocks of a machine, and the devices that hang on them: `board.uart1` or `board["uart1"]`; iteration gives
    them in the description's order, the blocks first."""

    def __init__(self, platform: Platform, blocks: dict[str, Peripheral], nets: Iterable[Net] = ()) -> None:
        self.platform = platform
        self._nets = tuple(nets)
        self.placed: tuple[Block, ...] = tuple(sorted(platform.blocks, key=lambda block: block.address))
        self._blocks = blocks
        self._starts = [block.address for block in self.placed]

    def __getitem__(self, name: str) -> Any:
        try:
            return self._blocks[name]
        except KeyError:
            raise KeyError(f"no block {name!r}; there is {', '.join(self._blocks)}") from None

    def __getattr__(self, name: str) -> Any:
        # Copying looks attributes up before there are any; dunder names are never blocks.
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __contains__(self, name: object) -> bool:
        return name in self._blocks

    def __iter__(self) -> Iterator[Any]:
        return iter(self._blocks.values())

    def __len__(self) -> int:
        return len(self._blocks)

    def reset(self, kind: ResetKind) -> None:
        """Reset every block. Devices share nothing but the supply with the chip: a power-on resets them too."""
        for block in self:
            if kind is ResetKind.POWER_ON or not isinstance(block, core.Device):
                block.reset(kind)

    def snapshot(self) -> BoardSnapshot:
        """A copy of every block's state and of the levels on all wires."""
        return BoardSnapshot(
            {name: block.snapshot() for name, block in self.items()},
            {name: block.input_levels for name, block in self.items()},
            [net.levels for net in self._nets],
        )

    def restore(self, snapshot: BoardSnapshot) -> None:
        """Back to a snapshot. The clock has been restored, or none but blocks have asked for anything since."""
        for name, block in self.items():
            block.restore(snapshot.blocks[name])
            block.input_levels = snapshot.inputs[name]
        for net, levels in zip(self._nets, snapshot.nets, strict=True):
            net.levels = levels

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the blocks, as the platform has them."""
        return tuple(self._blocks)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and blocks."""
        return iter(self._blocks.items())

    def at(self, address: int) -> tuple[Any, int] | None:
        """The block at a CPU address and the byte offset in it, None where there is no block."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        block = self.placed[index]
        offset = address - block.address
        return (self._blocks[block.name], offset) if offset < block.size else None


def wire(
    platform: Platform,
    *,
    clock: Clock,
    bus: Bus,
    log: Callable[[str, int], Log],
    seed: int,
    request_reset: Callable[[ResetKind], None],
    cpu_input: Callable[[int, bool], None],
    cpu_lines: int = 0,
    stop_cpu: Callable[[bool], bool] = lambda _stopped: False,
) -> Board:
    """The blocks and devices of the platform, made and connected.

    `log(name, address)` gives a block's log, `cpu_input(number, level)` takes the CPU's lines (0 IRQ, 1 FIQ), which an
    engine may have as bits of the word at a host address, too. Each block has a random source of its own, so that a
    further block changes no other's numbers. Raises ReplError.
    """

    def make(what: Modelled, model: type[Peripheral], address: int) -> Peripheral:
        services = Services(
            name=what.name,
            clock=clock,
            bus=bus,
            random=Randomness(f"{seed}:{what.name}"),
            log=log(what.name, address),
            request_reset=request_reset,
            stop_cpu=stop_cpu,
        )
        try:
            return model(services, **what.args)
        except (TypeError, ValueError) as error:
            raise what.where.error(f"{what.model} cannot be made: {error}", f"check the args of {what.name}") from error

    blocks = {block.name: make(block, _model_of_block(block), block.address) for block in platform.blocks}
    nets = _connect(platform, blocks, cpu_input, cpu_lines)
    devices: dict[str, Peripheral] = {}
    for device in platform.devices:
        if device.name in blocks or device.name in devices:
            raise device.where.error(f"something is called {device.name} already", "choose another name")
        devices[device.name] = make(device, _model(device, core.Device), 0)
        for block, place in ((device.block, device.place), *device.more):
            _attach(device, devices[device.name], blocks, block, place)
    return Board(platform, blocks | devices, nets)


def _attach(device: DeviceEntry, made: Any, blocks: dict[str, Peripheral], name: str, place: int | None) -> None:
    """Hang a device where the description says."""
    block = blocks.get(name)
    if not isinstance(block, Carrier):
        carriers = ", ".join(name for name, one in blocks.items() if isinstance(one, Carrier)) or "no block"
        problem = f"there is no {name}" if block is None else f"{name} takes no devices"
        raise device.at.error(problem, f"what takes some here: {carriers}")
    try:
        block.attach(made, place)
    except ValueError as error:
        raise device.at.error(str(error), f"hang {device.name} elsewhere") from None


def _model(what: Modelled, base: type[Peripheral]) -> type[Peripheral]:
    """The class that is the model: in a file beside the description, in a package of ours, or where Python finds it."""
    module, name = what.module, what.model.partition(":")[2]
    try:
        model = getattr(_beside(what) or importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise what.where.error(f"there is no module {error.name}", f"check the model of {what.name}") from None
    except AttributeError:
        raise what.where.error(f"{module} has no {name}", f"check the model of {what.name}") from None
    if not isinstance(model, type) or not issubclass(model, base):
        raise what.where.error(f"{what.model} is no {base.__name__}", f"check the model of {what.name}")
    return model


def _beside(what: Modelled) -> ModuleType | None:
    """The module in a file beside the description, imported once for each file; None where there is no such file."""
    name = what.model.partition(":")[0]
    place = os.path.join(os.path.dirname(what.where.path), f"{name}.py")  # each machine asks this for all blocks
    if not os.path.isfile(place):
        return None
    path = Path(place).resolve()
    for known in (sys.modules.get(name), _files.get(path)):
        if known is not None and Path(known.__file__ or "").resolve() == path:
            return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    shared = sys.modules.setdefault(name, module) is module  # so that a test that imports it has the same classes
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if shared:
            del sys.modules[name]
        raise
    _files[path] = module
    return module


_files: dict[Path, ModuleType] = {}


def _model_of_block(block: Block) -> type[Peripheral]:
    name, model = block.model.partition(":")[2], _model(block, Peripheral)
    if model.size < block.size:
        remedy = f"make {block.name} smaller or the model larger"
        raise block.where.error(f"{name} has {model.size:#x} bytes, not {block.size:#x}", remedy)
    return model


def _connect(
    platform: Platform, blocks: dict[str, Peripheral], cpu_input: Callable[[int, bool], None], cpu_lines: int
) -> list[Net]:
    nets: dict[tuple[str, int], Net] = {}
    for connection in platform.wires:
        at = connection.target, connection.input
        if at not in nets:
            nets[at] = _net(platform, blocks, connection, cpu_input, cpu_lines)
    for connection in platform.wires:
        source = blocks[connection.source]
        if connection.output not in source.outputs:
            label = "IRQ" if connection.output is None else connection.output
            known = ", ".join("IRQ" if n is None else str(n) for n in source.outputs) or "none"
            raise connection.where.error(f"the model of {connection.source} has no output {label}", f"it has {known}")
        source.outputs[connection.output].append(nets[connection.target, connection.input].branch())
    return list(nets.values())


def _net(
    platform: Platform,
    blocks: dict[str, Peripheral],
    connection: Wire,
    cpu_input: Callable[[int, bool], None],
    cpu_lines: int,
) -> Net:
    """What leads to the input at the end of a wire."""
    number = connection.input
    if connection.target == platform.cpu.name:
        return Net(partial(cpu_input, number), address=cpu_lines, mask=1 << number)
    target = blocks[connection.target]
    inputs = _inputs(type(target))  # type: ignore[arg-type] # of a class mypy takes the __hash__ of its instances
    if number not in inputs:
        known = ", ".join(map(str, inputs)) or "none"
        raise connection.where.error(f"the model of {connection.target} has no input {number}", f"it has {known}")
    register, mask = target.shown.get(number, (None, 0))
    return Net(partial(target.set_input, number), register=register, mask=mask)


@cache
def _inputs(model: type[Peripheral]) -> list[int]:
    declared = [item for _, item in model.declarations() if isinstance(item, Input)]
    return sorted({number for item in declared for number in item.numbers})
