"""What all sections share: the operations, the person's choices, where to say things, and the clip in view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import slicer
from slicer.i18n import tr as _

from ..engine.errors import EchoODEError
from ..logic.dependencies import MissingPackages
from .icons import Icons
from .messages import Kind, MessageLine

if TYPE_CHECKING:
    from ..logic.operations import Operations
    from ..scene.study import Study

Result = TypeVar("Result")


class SharedContext:
    """Shared by a panel and its sections.

    Attributes
    ----------
    operations: what the buttons call.
    icons, messages: of the panel.
    parameters: the module's parameter node, or None while the scene closes.
    resourcePath: from a path inside ``Resources`` to the file's.
    """

    def __init__(self, operations: Any, resourcePath: Callable[[str], str]) -> None:
        self.operations = operations
        self.resourcePath = resourcePath
        self.icons = Icons(resourcePath)
        self.messages = MessageLine(self.icons)
        self.parameters: Any = None

    def attempt(self, action: Callable[[], Result]) -> Result | None:
        """Do what a person asked for; say in the panel why it can't be done, if so, and give None."""
        try:
            return action()
        except EchoODEError as error:
            self.messages.show(Kind.ERROR, str(error))
            if isinstance(error, MissingPackages):
                slicer.util.errorDisplay(str(error))
            return None


class Context(SharedContext):
    """Of the panel that reads clips.

    Attributes
    ----------
    study: the clip in view, or None.
    """

    operations: Operations

    def __init__(self, operations: Operations, resourcePath: Callable[[str], str]) -> None:
        super().__init__(operations, resourcePath)
        self.study: Study | None = None

    def choose(self, study: Study) -> None:
        """Make a clip the one in view."""
        if self.parameters is not None:
            self.parameters.browser = study.browserNode

    def underWay(self, study: Study | None = None) -> str:
        """What keeps anything else from being done now, to a clip or to any; "" if nothing does."""
        operations = self.operations
        if not operations.busy or (study is not None and operations.runningStudy != study):
            return ""
        if operations.live.on:
            return _("Live is on; turn it off first.")
        if study is not None:
            return _("A run on this clip is under way.")
        return _("Another run is under way; wait for it or cancel it.")

    def goTo(self, frame: int) -> None:
        """Show a frame of the clip, and stop it if it plays."""
        if self.study is not None:
            self.study.browserNode.SetPlaybackActive(False)
            self.study.setFrame(frame)
