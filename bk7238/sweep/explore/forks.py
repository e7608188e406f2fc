"""Points that have the run up to their moment in common: it is carried out once and forked there for each of them.

The copy lays the faults of its point into the run and goes on. What comes of it is what the point gives from the
beginning, to the digest: tests compare both.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bk7238.faults import Fault, Spec, kinds, when
from bk7238.faults.fault import make
from bk7238.faults.scene import Scene
from bk7238.sweep.explore.follower import Follower
from bk7238.sweep.explore.fork import Child, contained, fork
from bk7238.sweep.explore.trunk import Trunk
from bk7238.sweep.point import Job, Outcome, Point, Story, elapsed, outcome
from bk7238.update.result import did
from peripherals.core import ResetKind
from peripherals.nor_flash import Operation

Tell = Callable[[Outcome], None]


def explore(job: Job, points: list[Point], tell: Tell, trunk: Trunk | None = None) -> list[Point]:
    """Run these points, which are in the order of their moments, and tell the outcome of each. Returns those whose
    moment never came.

    With a `trunk` of an installation a run is not watched further than to where it meets it, all faults having fired.
    Only moments that leave no trace in a run before they come may differ, such as flash operations: a share of the
    download does.
    """
    forks = _Forks(job, points, tell, trunk)
    update = job.update(forks, told=forks.story)
    result = contained(update.run, lambda: forks.child is not None)
    if forks.child is not None:
        forks.child.send(outcome(forks.point, result, forks.story, forks.seconds))
    return forks.left


def _moment(point: Point) -> str:
    """When its first fault strikes."""
    return point.faults[0].when


class _Forks(Fault):
    """Stands where a fault of a point would stand, and when its moment has come becomes the faults of each in turn."""

    def __init__(self, job: Job, points: list[Point], tell: Tell, trunk: Trunk | None) -> None:
        super().__init__(Spec("fork", when=_moment(points[0])), "")
        self.left, self.point, self.story = points, points[0], Story()
        self.child: Child | None = None
        self._job, self._tell, self._trunk = job, tell, trunk
        self._began = 0.0

    @property
    def seconds(self) -> float:
        return elapsed(self._began)

    def strike(self, scene: Scene) -> None:
        moment = _moment(self.left[0])
        while self.left and _moment(self.left[0]) == moment:
            self.point, *self.left = self.left
            self._began = time.perf_counter()
            answer = fork(f"{self.point.id} (bk7238 ota {' '.join(self.point.options)})")
            if isinstance(answer, Child):
                self.child = answer
                self._become(scene, moment)
                return
            self._tell(answer)
        if self.left:
            when.parse(_moment(self.left[0])).arm(scene, lambda: self._strike(scene))
        else:
            scene.machine.stop()

    def _become(self, scene: Scene, moment: str) -> None:
        seed = self._job.settings.seed
        made = [make(spec, kinds(), f"{seed}:fault {place}") for place, spec in enumerate(self.point.faults)]
        scene.faults[:] = made
        if self._trunk is not None:
            _Watcher(scene, Follower(self._trunk), self._met)
        for fault in scene.faults:
            if fault.spec.when == moment:
                fault.arm_late(scene)
            else:
                fault.scene = scene
                fault.arm(scene)

    def _met(self, scene: Scene, count: int) -> None:
        """The copy's last deed, where it need not be watched further."""
        assert self.child is not None and self._trunk is not None
        end = self._trunk.result
        told = tuple(did(fault.as_json()) for fault in scene.faults)
        met = Outcome(
            self.point.id, end.verdict.value, end.reason, "", told, (), tuple(self.story.lines), count, "", self.seconds
        )
        self.child.send(met)


class _Watcher:
    """Sees the operations of the boot loaders that begin when all faults have fired."""

    def __init__(self, scene: Scene, follower: Follower, met: Callable[[Scene, int], None]) -> None:
        self._scene, self._follower, self._met = scene, follower, met
        scene.chip.watchers.append(self)
        scene.machine.engine.on_reset.append(self._reset)

    def _reset(self, kind: ResetKind) -> None:
        if all(fault.count for fault in self._scene.faults):
            self._follower.boot()

    def before(self, operation: Operation) -> bool:
        self._follower.before(operation)
        return True

    def after(self, operation: Operation, was: bytes) -> None:
        if self._follower.after(operation, self._scene.chip.cells.data):
            self._met(self._scene, self._follower.count)
