"""The rest of ctk that extensions use: combo boxes, message box, text, search, layout."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored

Signal, Property = QtCore.Signal, QtCore.Property


@emulated
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a default text and a choice of what the wheel does."""

    returnRelease = Signal()
    AlwaysScroll, NeverScroll, ScrollWithFocus, ScrollWithNoVScrollBar = 0, 1, 2, 3
    defaultText = stored(str, "", lambda box, text: box.setPlaceholderText(text))
    defaultIcon = stored(QtGui.QIcon, QtGui.QIcon)
    forceDefault = stored(bool, False)
    elideMode = stored(int, int(QtCore.Qt.ElideNone))
    scrollWheelEffect = stored(int, 0)

    def setCurrentUserDataAsString(self, text, /):
        """Choose the item whose data reads as a text."""
        for index in range(self.count):
            if str(self.itemData(index)) == text:
                self.setCurrentIndex(index)
                return

    currentUserDataAsString = Property(str, lambda self: str(self.currentData or ""), setCurrentUserDataAsString)

    def wheelEvent(self, event, /):
        """Scroll only when the property allows it."""
        if self.scrollWheelEffect == self.NeverScroll or (
            self.scrollWheelEffect == self.ScrollWithFocus and not self.focus
        ):
            event.ignore()
            return
        super().wheelEvent(event)


@emulated
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that remembers "don't show again"."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        private(self).box = QtWidgets.QCheckBox("Don't show this message again")
        self._d.box.setVisible(False)

    def _settings_key_changed(self, key):
        self._d.box.setChecked(QtCore.QSettings().value(key, 0) not in (0, "0", None))

    def _show_box(self, shown):
        self.setCheckBox(self._d.box if shown else None)
        self._d.box.setVisible(shown)

    def setDontShowAgain(self, checked, /):
        """Check or uncheck the box."""
        self._d.box.setChecked(checked)

    def exec(self, /):
        """Show the box, unless the user asked not to see it again; then the default button's answer."""
        key = self.dontShowAgainSettingsKey
        if key and QtCore.QSettings().value(key, 0) not in (0, "0", None):
            return int(QtCore.QSettings().value(key))
        answer = super().exec()
        if key and self.dontShowAgain:
            QtCore.QSettings().setValue(key, int(answer))
        return answer

    dontShowAgain = Property(bool, lambda self: self._d.box.checked, setDontShowAgain)
    dontShowAgainVisible = stored(bool, False, _show_box)
    dontShowAgainSettingsKey = stored(str, "", _settings_key_changed)


@emulated
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text, which may have a part that unfolds."""

    showDetailsText = stored(str, "Show details...")
    hideDetailsText = stored(str, "Hide details.")
    disableMouseScroll = stored(bool, False)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        private(self).text, self._d.folded = "", True
        self.textChanged.connect(self._fit)

    def _fit(self):
        self.document.setTextWidth(self.viewport().width)
        self.setFixedHeight(round(self.document.size().height()) + 2 * self.frameWidth)

    def resizeEvent(self, event, /):
        """Fit the height to the new width."""
        super().resizeEvent(event)
        self._fit()

    def setCollapsibleText(self, text, /):
        """First line, then a part that is folded at first."""
        self._d.text = text
        self._show()

    def collapsibleText(self, /):
        """The whole text."""
        return self._d.text

    def _show(self):
        first, _, rest = self._d.text.partition("\n")
        link = self.showDetailsText if self._d.folded else self.hideDetailsText
        more = f' <a href="#details">{link}</a>' if rest else ""
        self.setHtml(f"{first}{more}" + ("" if self._d.folded else f"<br>{rest}"))

    def _set_folded(self, folded):
        self._d.folded = bool(folded)
        self._show()

    collapsed = Property(bool, lambda self: self._d.folded, _set_folded)


@emulated
class ctkSearchBox(QtWidgets.QLineEdit):
    """A line to search with."""

    showSearchIcon = stored(bool, False)
    searchIcon = stored(QtGui.QIcon, QtGui.QIcon)
    clearIcon = stored(QtGui.QIcon, QtGui.QIcon)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        self.setClearButtonEnabled(True)
        self.setPlaceholderText("Search...")


@emulated
class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame that the user can make larger by its corner."""

    orientations = stored(int, 3)
    sizeGripInside = stored(bool, True)
    sizeGripMargins = stored(QtCore.QSize, QtCore.QSize)

    def updateSizeHint(self, /):
        """Ask the layout again."""
        self.updateGeometry()


@emulated
class ctkDynamicSpacer(QtWidgets.QWidget):
    """Empty space that takes room only when active."""

    active = stored(bool, False)

    def setActive(self, active, /):
        """Take room or not."""
        self.active = active

    def setInactive(self, inactive, /):
        """Take room or not."""
        self.active = not inactive
