"""ctk's widgets for files and folders."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private, stored

Signal, Property = QtCore.Signal, QtCore.Property
HISTORY_LENGTH = 10


@emulated
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path that can be typed, chosen from earlier ones, or browsed for."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, NoSymLinks, Readable, Writable, Executable = 1, 2, 4, 8, 0x10, 0x20, 0x40
    Modified, Hidden, System, AllDirs, CaseSensitive = 0x80, 0x100, 0x200, 0x400, 0x800

    def __init__(self, *arguments):
        super().__init__(next((one for one in arguments if isinstance(one, QtWidgets.QWidget)), None))
        state = private(self)
        state.path = ""
        state.combo, state.button = QtWidgets.QComboBox(), QtWidgets.QToolButton()
        state.combo.setEditable(True)
        state.combo.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        state.button.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.combo, 1)
        layout.addWidget(state.button)
        state.combo.editTextChanged.connect(self._typed)
        state.button.clicked.connect(lambda *_: self.browse())

    def _typed(self, text):
        if text != self._d.path:
            valid, self._d.path = Path(self._d.path).exists(), text
            self.currentPathChanged.emit(text)
            if Path(text).exists() != valid:
                self.validInputChanged.emit(not valid)

    def setCurrentPath(self, path, /):
        """Set the path."""
        self._d.combo.setEditText(str(path))

    def browse(self, /):
        """Ask the user for a path: a folder, a file to write or a file to read, as the filters say."""
        if self.filters & self.Dirs and not self.filters & self.Files:
            path = QtWidgets.QFileDialog.getExistingDirectory(self, self.label, self._d.path)
        elif self.filters & self.Writable:
            path = QtWidgets.QFileDialog.getSaveFileName(self, self.label, self._d.path, ";;".join(self.nameFilters))[0]
        else:
            path = QtWidgets.QFileDialog.getOpenFileName(self, self.label, self._d.path, ";;".join(self.nameFilters))[0]
        if path:
            self.setCurrentPath(path)
            self.addCurrentPathToHistory()

    def addCurrentPathToHistory(self, /):
        """Remember the path under the settings key."""
        paths = [self._d.path, *(one for one in self._history() if one != self._d.path)][:HISTORY_LENGTH]
        if self.settingKey:
            QtCore.QSettings().setValue(f"History/{self.settingKey}", paths)
        self._show_history(paths)

    def retrieveHistory(self, /):
        """Offer the paths remembered under the settings key; take the latest."""
        paths = self._history()
        self._show_history(paths)
        if paths:
            self.setCurrentPath(paths[0])

    def _history(self):
        stored_paths = QtCore.QSettings().value(f"History/{self.settingKey}") if self.settingKey else None
        return [stored_paths] if isinstance(stored_paths, str) else list(stored_paths or [])

    def _show_history(self, paths):
        current = self._d.path
        self._d.combo.blockSignals(True)
        self._d.combo.clear()
        self._d.combo.addItems(paths)
        self._d.combo.setEditText(current)
        self._d.combo.blockSignals(False)

    def comboBox(self, /):
        """The combo box of the path."""
        return self._d.combo

    currentPath = Property(str, lambda self: self._d.path, setCurrentPath)
    filters = stored(int, 0)
    settingKey = stored(str, "", lambda widget, key: widget.retrieveHistory())
    nameFilters = stored("QStringList", list)
    label = stored(str, "")
    options = stored(int, 0)
    showBrowseButton = stored(bool, True, lambda widget, shown: widget._d.button.setVisible(shown))
    showHistoryButton = stored(bool, True)
    minimumContentsLength = stored(int, 0)
    sizeAdjustPolicy = stored(int, 0)


@emulated
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and lets the user choose another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, *arguments):
        super().__init__(next((one for one in arguments if isinstance(one, QtWidgets.QWidget)), None))
        state = private(self)
        state.directory = next((one for one in arguments if isinstance(one, str)), str(Path.cwd()))
        state.button = QtWidgets.QPushButton(state.directory)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.button)
        state.button.clicked.connect(lambda *_: self.browse())

    def _set_directory(self, path):
        if str(path) != self._d.directory:
            self._d.directory = str(path)
            self._d.button.setText(self.text or str(path))
            self.directoryChanged.emit(str(path))

    def browse(self, /):
        """Ask the user for a folder."""
        path = QtWidgets.QFileDialog.getExistingDirectory(self, self.caption, self._d.directory)
        if path:
            self._set_directory(path)
            self.directorySelected.emit(path)

    directory = Property(str, lambda self: self._d.directory, _set_directory)
    text = stored(str, "", lambda widget, text: widget._d.button.setText(text))
    caption = stored(str, "")
    options = stored(int, 0)
