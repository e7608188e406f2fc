"""Which version an update began with and which one it ended with: as the apps' banners say, and as the footers do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bk7238.image import FlashImage, Package
from bk7238.image.flash_view import FlashView
from bk7238.update import installation

if TYPE_CHECKING:
    from bk7238.update.story import Story

Pair = tuple[str | None, str | None]
"""Before the update and after it; None for what was not seen."""


@dataclass(frozen=True)
class Named:
    """The version in an app's banner: `of_sdk` where it is that of the SDK, which is the same for many apps."""

    version: str
    of_sdk: bool = False


def banner_versions(story: Story, *, delivered: bool, new_runs: bool) -> Pair:
    """Of the old app and of what ran last. Where the package was delivered the old one may never have run."""
    versions: list[str | None] = [named.version for named in story.versions]
    if delivered and new_runs:
        versions.insert(0, None)
    return versions[0] if versions else None, versions[-1] if len(versions) > 1 else None


def footer_versions(data: bytes, image: FlashImage, package: Package, *, new_runs: bool) -> Pair:
    """Of the app that was installed at power-on, and at the end (`data`, the whole flash): the package's where the new
    app runs."""
    before = installation.footer_version(image.view, image.app)
    if new_runs:
        return before, package.header.version
    flash = FlashView(image.chip, data)
    return before, installation.footer_version(flash, installation.app_partition(flash, image.app))


def of_app(story: Story, banner: Pair, footer: Pair, *, new_runs: bool) -> Pair:
    """The banner's where it names the app's own version. Of one that names the SDK's only is taken how many apps have
    run: the versions are the footer's, as where the family has no banner."""
    pattern = story.family.banner
    own = pattern is not None and "sdk" not in pattern.groupindex
    if own or (story.versions and not any(named.of_sdk for named in story.versions)):
        return banner
    return footer[0], footer[1] if banner[1] or new_runs else None
