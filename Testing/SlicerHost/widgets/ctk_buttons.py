"""ctk's buttons and the panels that fold."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored

Signal, Property = QtCore.Signal, QtCore.Property
UNLIMITED = 16777215  # QWIDGETSIZE_MAX
ARROW = 12  # px


@emulated
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""

    indicatorIcon = stored(QtGui.QIcon, QtGui.QIcon)
    indicatorIconSize = stored(QtCore.QSize, QtCore.QSize)


@emulated
class ctkPushButton(QtWidgets.QPushButton):
    """A push button whose text can be aligned and shortened."""

    buttonTextAlignment = stored(int, int(QtCore.Qt.AlignCenter))
    iconAlignment = stored(int, int(QtCore.Qt.AlignLeft))
    elideMode = stored(int, int(QtCore.Qt.ElideNone))


@emulated
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box in it."""

    checkBoxToggled = Signal(bool)
    checkStateChanged = Signal(object)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        state = private(self)
        state.box = QtWidgets.QCheckBox(self)
        state.box.setGeometry(6, 4, 18, 18)
        state.box.toggled.connect(self._box_toggled)

    def _box_toggled(self, checked):
        if self.checkBoxControlsButton and self.checkBoxControlsButtonToggleState:
            self.setCheckable(checked)
            self.setChecked(checked)
        self.checkBoxToggled.emit(checked)
        self.checkStateChanged.emit(self._d.box.checkState())

    checkBoxControlsButton = stored(bool, True)
    checkBoxControlsButtonToggleState = stored(bool, True)
    checkBoxUserCheckable = stored(bool, True, lambda button, allowed: button._d.box.setEnabled(allowed))
    indicatorAlignment = stored(int, int(QtCore.Qt.AlignLeft))
    checkState = Property(
        int,
        lambda self: self._d.box.checkState(),
        lambda self, state: self._d.box.setCheckState(QtCore.Qt.CheckState(state)),
    )


@emulated
class ctkMenuButton(QtWidgets.QPushButton):
    """A push button with a menu."""


@emulated
class ctkColorPickerButton(QtWidgets.QPushButton):
    """Shows a colour and lets the user choose another."""

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)
    ShowAlphaChannel, NoButtons, DontUseNativeDialog, UseCTKColorDialog = 1, 2, 4, 0x1000

    def __init__(self, *arguments):
        super().__init__(*[one for one in arguments if not isinstance(one, QtGui.QColor)])
        color = next((one for one in arguments if isinstance(one, QtGui.QColor)), QtGui.QColor(0, 0, 0))
        private(self).color = color
        self._show()
        self.clicked.connect(lambda *_: self.changeColor())

    def _show(self):
        picture = QtGui.QPixmap(16, 16)
        picture.fill(self._d.color)
        self.setIcon(QtGui.QIcon(picture))
        if self.displayColorName:
            self.setText(self._d.color.name())

    def setColor(self, color, /):
        """Set the colour."""
        if color != self._d.color:
            self._d.color = QtGui.QColor(color)
            self._show()
            self.colorChanged.emit(self._d.color)

    def changeColor(self, /):
        """Ask the user for a colour."""
        color = QtWidgets.QColorDialog.getColor(self._d.color, self)
        if color.isValid():
            self.setColor(color)

    def setDisplayColorName(self, shown, /):
        """Show the colour's name beside it."""
        self.displayColorName = shown

    color = Property(QtGui.QColor, lambda self: self._d.color, setColor)
    colorName = stored(str, "")
    displayColorName = stored(bool, True)
    dialogOptions = stored(int, 0)


@emulated
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A header that folds and unfolds what is laid out in it."""

    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments):
        super().__init__(next((one for one in arguments if isinstance(one, QtWidgets.QWidget)), None))
        private(self).folded = []
        self.setText(next((one for one in arguments if isinstance(one, str)), ""))
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.setContentsMargins(2, self._header_height(), 2, 2)
        self.toggled.connect(lambda shown: self._fold(shown))

    def _header_height(self):
        return self.fontMetrics().height() + 10

    def _fold(self, shown):
        state = self._d
        if not shown:
            state.folded = [one for one in self.children() if isinstance(one, QtWidgets.QWidget) and not one.isHidden()]
        for child in state.folded:
            child.setVisible(shown)
        if shown:
            state.folded = []
        self.setMaximumHeight(UNLIMITED if shown else max(self._header_height(), self.collapsedHeight))
        self.updateGeometry()
        self.contentsCollapsed.emit(not shown)

    def childEvent(self, event, /):
        """A widget that is added while folded stays hidden until it unfolds."""
        child = event.child()
        if event.type() == QtCore.QEvent.ChildPolished and isinstance(child, QtWidgets.QWidget) and self.collapsed:
            if child not in self._d.folded and not child.isHidden():
                self._d.folded.append(child)
            child.setVisible(False)

    def hitButton(self, position, /):
        """Only the header folds."""
        return position.y() < self._header_height()

    def sizeHint(self, /):
        """The layout's, or the header's when folded."""
        header = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text) + 40, self._header_height())
        inside = self.layout().totalSizeHint() if self.layout() is not None and not self.collapsed else QtCore.QSize()
        return inside.expandedTo(header)

    def minimumSizeHint(self, /):
        """As small as the layout, or the header when folded."""
        header = QtCore.QSize(40, self._header_height())
        inside = (
            self.layout().totalMinimumSize() if self.layout() is not None and not self.collapsed else QtCore.QSize()
        )
        return inside.expandedTo(header)

    def paintEvent(self, event, /):
        """The header with its arrow, and a frame around the contents."""
        painter, height = QtWidgets.QStylePainter(self), self._header_height() - 4
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, height)
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        option.rect = QtCore.QRect(8, (height - ARROW) // 2, ARROW, ARROW)
        arrows = QtWidgets.QStyle.PE_IndicatorArrowRight, QtWidgets.QStyle.PE_IndicatorArrowDown
        painter.drawPrimitive(arrows[self.checked], option)
        text = QtCore.QRect(28, 0, self.width - 32, height)
        painter.drawText(text, int(QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft), self.text)

    collapsed = Property(bool, lambda self: not self.checked, lambda self, folded: self.setChecked(not folded))
    collapsedHeight = stored(int, 0)
    flat = stored(bool, False)
    contentsFrameShape = stored(int, 0)
    contentsFrameShadow = stored(int, 0)
    contentsLineWidth = stored(int, 1)
    contentsMidLineWidth = stored(int, 0)
    buttonTextAlignment = stored(int, int(QtCore.Qt.AlignLeft))
    indicatorAlignment = stored(int, int(QtCore.Qt.AlignLeft))


@emulated
class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box that folds when unchecked."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        private(self).folded = []
        self.setCheckable(True)
        self.toggled.connect(lambda shown: self._fold(shown))

    def _fold(self, shown):
        state = self._d
        if not shown:
            state.folded = [one for one in self.children() if isinstance(one, QtWidgets.QWidget) and not one.isHidden()]
        for child in state.folded:
            child.setVisible(shown)
        self.setMaximumHeight(UNLIMITED if shown else max(self.fontMetrics().height() + 6, self.collapsedHeight))

    collapsed = Property(bool, lambda self: not self.checked, lambda self, folded: self.setChecked(not folded))
    collapsedHeight = stored(int, 14)


@emulated
class ctkExpandButton(QtWidgets.QToolButton):
    """A tool button with an arrow that turns when checked."""

    orientation = stored(int, int(QtCore.Qt.Horizontal))
    mirrorOnExpand = stored(bool, False)
