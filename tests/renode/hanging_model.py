"""A model that does not come back: run in a process of its own, because no later test could use its Renode."""

import os
import threading

from bk7238 import chip
from bk7238.engine.engine import EngineError
from bk7238.engine.renode import RenodeEngine

PLATFORM = chip.usual().board

engine = RenodeEngine(PLATFORM)
engine.patience = 2.0
engine.clock.after(10, threading.Event().wait)
for attempt in (lambda: engine.run(until=1_000), lambda: RenodeEngine(PLATFORM)):
    try:
        attempt()
    except EngineError as error:
        print(error, flush=True)
os._exit(0)  # leaving in order would wait for the model
