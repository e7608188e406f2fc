"""Which firmware family an app is of, by what stands in its code, and by which evidence.

A family has several independent kinds of evidence, each a set of texts, so that an app is still recognised where one
kind is missing: a build without log lines, a renamed product, another version. All apps for this chip are built on
Beken's SDK, also OpenBeken; so families are weighed against each other, and what the SDK brings into each of them does
not count against a family that is built on it. The texts were read in apps and in the sources of the SDK, 3.0.70 to
3.0.78, and of OpenBeken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bk7238.image.flash_image import FlashImage
from bk7238.image.flash_view import FlashView
from bk7238.image.split import app_parts

ENOUGH = 2  # kinds of evidence that make a family certain, so that each family needs three


@dataclass(frozen=True)
class Kind:
    """One kind of evidence: `least` of these texts stand in the app. `shared`: also in families built on this one."""

    name: str
    texts: tuple[bytes, ...]
    least: int = 1
    shared: bool = False

    def found(self, app: bytes) -> tuple[str, ...]:
        """The texts that stand in an app's logical bytes; none where they are too few."""
        found = tuple(text.decode().rstrip("\0") for text in self.texts if text in app)
        return found if len(found) >= self.least else ()


@dataclass(frozen=True)
class Family:
    """A firmware family: the `name` of its profile, and how people call it."""

    name: str
    title: str
    kinds: tuple[Kind, ...]


BEKEN_SDK = Family(
    "beken-sdk",
    "Beken SDK",
    (
        Kind("console commands", (b"sta_Command", b"http_ota"), least=2),
        Kind("HTTP client", (b"ota write to 0x", b"write over", b"sucess.", b"http_ota download failed"), least=2),
        Kind("thread lines", (b"[THD]",), shared=True),
        Kind("revisions", (b"SDK Rev:", b"OSK Rev:", b"IP Rev:"), shared=True),
        Kind(
            "start-up lines",
            (
                *(b"[Flash]id:0x", b"[FUNC]rwnxl_init", b"chip id=", b"txdesc flush", b"sctrl_sta_ps_init"),
                *(b"bk_misc_init_start_type", b"vHeapInit-start addr"),
            ),
            least=2,
            shared=True,
        ),
        Kind(
            "partition table",
            (b"Bootloader\0", b"Application\0", b"RF Firmware\0", b"NET info\0"),
            least=3,
            shared=True,
        ),
    ),
)
OPENBEKEN = Family(
    "openbeken",
    "OpenBeken",
    (
        Kind("product name", (b"OpenBK7",)),
        Kind("project", (b"openshwprojects", b"openbekeniot", b"OpenBeken")),
        Kind(
            "console commands",
            (b"AddEventHandler", b"StartupCommand", b"SetPinRole", b"SetChannelType", b"backlog"),
            least=3,
        ),
        Kind("web pages", (b"cfg_startup", b"startup_command", b"cfg_webapp", b"cfg_mqtt", b"cfg_pins"), least=3),
    ),
)
FAMILIES = (OPENBEKEN, BEKEN_SDK)


@dataclass(frozen=True)
class Recognition:
    """What an app is taken for: `family` is None where that is not certain. `evidence` is what was found of each
    family: its texts, by kind."""

    family: Family | None
    evidence: Mapping[str, Mapping[str, tuple[str, ...]]]
    empty: bool = False

    @property
    def title(self) -> str:
        """The family as people call it, `unknown`, or `no app`."""
        return self.family.title if self.family else "no app" if self.empty else "unknown"

    @property
    def name(self) -> str:
        """The name of the family's profile; empty where it is not certain."""
        return self.family.name if self.family else ""

    @property
    def seen(self) -> str:
        """The evidence in words: of the family, or of all where none is certain."""
        if self.empty:
            return "there is no app"
        families = [self.family] if self.family else [family for family in FAMILIES if self.evidence[family.name]]
        words = [
            ("" if self.family else f"of {family.title}: ")
            + ", ".join(f"{kind} ({', '.join(texts)})" for kind, texts in self.evidence[family.name].items())
            for family in families
        ]
        return "; ".join(words) or "nothing of " + " or ".join(family.title for family in FAMILIES)

    def as_json(self) -> dict[str, dict[str, list[str]]]:
        """The evidence by the family's title and kind; families without any are left out."""
        return {
            family.title: {kind: list(texts) for kind, texts in self.evidence[family.name].items()}
            for family in FAMILIES
            if self.evidence[family.name]
        }


def recognise(app: bytes) -> Recognition:
    """The family of an app, given as its logical bytes."""
    evidence = {
        family.name: {kind.name: texts for kind in family.kinds if (texts := kind.found(app))} for family in FAMILIES
    }
    own = sum(not kind.shared and kind.name in evidence[BEKEN_SDK.name] for kind in BEKEN_SDK.kinds)
    openbeken = len(evidence[OPENBEKEN.name])
    family = None
    if openbeken >= ENOUGH and openbeken > own:
        family = OPENBEKEN
    elif len(evidence[BEKEN_SDK.name]) >= ENOUGH and (own > openbeken or not openbeken):
        family = BEKEN_SDK
    return Recognition(family, evidence, empty=not app.strip(b"\xff"))


def of_flash(flash: FlashView) -> Recognition:
    """The family of the app in a flash, where its boot loader's table has the app."""
    return recognise(app_parts(flash, flash.app)[0] if flash.app is not None else flash.beyond_boot_loader)


def of_image(image: FlashImage) -> Recognition:
    """The family of the app in a full image."""
    return recognise(app_parts(image.view, image.app)[0])
