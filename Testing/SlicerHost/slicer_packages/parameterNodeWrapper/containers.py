"""Lists and dicts that write themselves back into the parameter node when they are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any


class StoredList(MutableSequence[Any]):
    """A list; `changed` is called with its items after each change."""

    def __init__(self, items: list[Any], changed: Callable[[list[Any]], None]) -> None:
        self._items, self._changed = items, changed

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._items[index] = value
        self._changed(self._items)

    def __delitem__(self, index: Any) -> None:
        del self._items[index]
        self._changed(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def insert(self, index: int, value: Any) -> None:
        """Put a value before a place."""
        self._items.insert(index, value)
        self._changed(self._items)

    def __eq__(self, other: object) -> bool:
        return list(other) == self._items if isinstance(other, list | StoredList) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._items)


class StoredDict(MutableMapping[Any, Any]):
    """A dict; `changed` is called with it after each change."""

    def __init__(self, items: dict[Any, Any], changed: Callable[[dict[Any, Any]], None]) -> None:
        self._items, self._changed = items, changed

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[key] = value
        self._changed(self._items)

    def __delitem__(self, key: Any) -> None:
        del self._items[key]
        self._changed(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return dict(other) == self._items if isinstance(other, dict | StoredDict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._items)
