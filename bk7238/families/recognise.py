"""Which firmware family an app is of, by what stands in its code, and by which evidence.

A family has several independent kinds of evidence, each a set of texts, so that an app is still recognised where one
kind is missing: a build without log lines, a renamed product, another version. All apps for this chip are built on
Beken's SDK, also OpenBeken; so families are weighed against each other, and what one of them brings into those that are
built on it does not count against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bk7238.chip import Area
from bk7238.families.family import Family
from bk7238.families.known import FAMILIES, NONE
from bk7238.image.flash_image import FlashImage
from bk7238.image.flash_view import FlashView
from bk7238.image.split import app_parts

ENOUGH = 2  # kinds of evidence that make a family certain, so that each family needs three


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
        """Its name for users; empty where it is not certain."""
        return self.family.name if self.family else ""

    @property
    def seen(self) -> str:
        """The evidence in words: of the family, or of all where none is certain."""
        if self.empty:
            return "there is no app"
        families = [self.family] if self.family else [one for one in FAMILIES.values() if self.evidence[one.name]]
        words = [
            ("" if self.family else f"of {family.title}: ")
            + ", ".join(f"{kind} ({', '.join(texts)})" for kind, texts in self.evidence[family.name].items())
            for family in families
        ]
        return "; ".join(words) or "nothing of " + " or ".join(family.title for family in FAMILIES.values())

    def as_json(self) -> dict[str, dict[str, list[str]]]:
        """The evidence by the family's title and kind; families without any are left out."""
        return {
            family.title: {kind: list(texts) for kind, texts in self.evidence[family.name].items()}
            for family in FAMILIES.values()
            if self.evidence[family.name]
        }


def recognise(app: bytes) -> Recognition:
    """The family of an app, given as its logical bytes: it has enough evidence, and no other has as much of its own.

    Raises RegistryError for a family of another package that cannot be used.
    """
    return _recognised(app, tuple(FAMILIES.items()))


@lru_cache(maxsize=4)  # who runs an image often comes with its app each time
def _recognised(app: bytes, families: tuple[tuple[str, Family], ...]) -> Recognition:
    found = {
        name: {kind.name: texts for kind in family.evidence if (texts := kind.found(app))} for name, family in families
    }
    own = {
        name: sum(kind.name in found[name] for kind in family.evidence if not kind.shared) for name, family in families
    }

    def is_certain(name: str) -> bool:
        return len(found[name]) >= ENOUGH and all(own[name] > own[one] or not own[one] for one in own if one != name)

    certain = [family for name, family in families if is_certain(name)]
    return Recognition(certain[0] if len(certain) == 1 else None, found, empty=not app.strip(b"\xff"))


def of_flash(flash: FlashView) -> Recognition:
    """The family of the app in a flash, where its boot loader's table has the app."""
    return recognise(app_parts(flash, flash.app)[0] if flash.app is not None else flash.beyond_boot_loader)


def of_image(image: FlashImage) -> Recognition:
    """The family of the app in a full image."""
    return recognise(app_parts(image.view, image.app)[0])


def configuration(flash: FlashView) -> Area:
    """Where the app in a flash keeps its configuration: as its family does or, where that is not certain, the SDK."""
    return (of_flash(flash).family or NONE).configuration(flash.chip, len(flash.data))


def choose(name: str, image: FlashImage, *, delivered: bool = False) -> Family:
    """The family called `name`, or for `auto` the one that the app is of.

    Where the package is `delivered` already, an app of no known family is of the family `none`. Raises ValueError for
    an unknown name or family.
    """
    if name == NONE.name and delivered:
        return NONE
    if name in FAMILIES:
        return FAMILIES[name]
    known = ", ".join(sorted(FAMILIES))
    if name == NONE.name:
        raise ValueError(f"profile {name!r} asks for no update: use it with --delivered, or name one of {known}")
    if name != "auto":
        raise ValueError(f"profile {name!r} is unknown; there is auto, {known}, and {NONE.name} with --delivered")
    found = of_image(image)
    if found.family is not None:
        return found.family
    if delivered:
        return NONE
    raise ValueError(
        f"{image.name}: the app is of no family that is known here ({found.seen}); name one with --profile ({known}), "
        "or use --delivered, which needs none"
    )
