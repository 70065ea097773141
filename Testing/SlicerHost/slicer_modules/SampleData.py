"""`SampleData`: registry and loading of sample data, with the API that extensions register theirs through."""

from __future__ import annotations

import hashlib
import logging
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import slicer

__all__ = ["SampleDataLogic", "SampleDataSource", "downloadSample", "downloadSamples"]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


class SampleDataSource:
    """One entry of the sample data: where its files are and how they are loaded."""

    def __init__(
        self,
        sampleName: str,
        sampleDescription: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        checksums: Any = None,
        loadFiles: Any = None,
        customDownloader: Callable[[SampleDataSource], Any] | None = None,
        thumbnailFileName: str | None = None,
        loadFileType: Any = None,
        loadFileProperties: Any = None,
    ) -> None:
        self.sampleName = sampleName
        self.sampleDescription = sampleDescription or sampleName
        self.uris = _listed(uris) if uris is not None else []
        count = len(self.uris)
        self.fileNames = _listed(fileNames) if fileNames is not None else [None] * count
        self.nodeNames = _listed(nodeNames) if nodeNames is not None else [None] * count
        self.checksums = _listed(checksums) if checksums is not None else [None] * count
        self.loadFiles = _listed(loadFiles) if loadFiles is not None else [None] * count
        self.loadFileTypes = _listed(loadFileType) if loadFileType is not None else [None] * count
        self.loadFileProperties = dict(loadFileProperties or {})
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName
        for name in ("fileNames", "nodeNames", "checksums", "loadFiles", "loadFileTypes"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{sampleName}: {name} has {len(getattr(self, name))} entries, uris has {count}")


class SampleDataLogic:
    """Registers sources and loads them."""

    sources: ClassVar[dict[str, list[SampleDataSource]]] = {}

    def __init__(self, logMessage: Callable[[str, int], None] | None = None) -> None:
        self.logMessage = logMessage or (lambda message, level=logging.INFO: logging.log(level, message))

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom", sampleName: str | None = None, **description: Any
    ) -> None:
        """Add a source to a category; the keywords are those of SampleDataSource."""
        source = SampleDataSource(sampleName or "", **description)
        known = SampleDataLogic.sources.setdefault(category, [])
        known[:] = [one for one in known if one.sampleName != source.sampleName] + [source]

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        """All sources by category, or those of one."""
        return SampleDataLogic.sources if category is None else SampleDataLogic.sources.get(category, [])

    @staticmethod
    def isSampleDataSourceRegistered(category: str, sampleDataSource: SampleDataSource) -> bool:
        """Whether a source of this name is in the category."""
        known = SampleDataLogic.sources.get(category, [])
        return any(one.sampleName == sampleDataSource.sampleName for one in known)

    def sourceForSampleName(self, sampleName: str) -> SampleDataSource | None:
        """The source of a name."""
        every = (one for sources in self.sources.values() for one in sources)
        return next((one for one in every if one.sampleName == sampleName), None)

    def downloadSample(self, sampleName: str) -> Any:
        """Load the first node of a sample."""
        nodes = self.downloadSamples(sampleName)
        return nodes[0] if nodes else None

    def downloadSamples(self, sampleName: str) -> list[Any]:
        """Load all nodes of a sample.

        Raises:
            KeyError: no sample has this name.
            ValueError: a file isn't what its checksum says.
        """
        source = self.sourceForSampleName(sampleName)
        if source is None:
            raise KeyError(f"no sample data is called '{sampleName}'")
        return self.downloadFromSource(source)

    def downloadFromSource(self, source: SampleDataSource) -> list[Any]:
        """Fetch and load a source; a custom downloader does it all itself."""
        if source.customDownloader is not None:
            result = source.customDownloader(source)
            return _listed(result) if result is not None else []
        results = []
        for index, uri in enumerate(source.uris):
            path = self.downloadFileIntoCache(
                uri, source.fileNames[index] or uri.split("/")[-1], source.checksums[index]
            )
            if source.loadFiles[index] is False:
                results.append(path)
                continue
            kind = source.loadFileTypes[index] or slicer.app.ioManager().fileType(path)
            properties = dict(source.loadFileProperties)
            if source.nodeNames[index]:
                properties["name"] = source.nodeNames[index]
            results.append(slicer.util.loadNodeFromFile(path, kind, properties))
        return results

    def downloadFileIntoCache(self, uri: str, name: str, checksum: str | None = None) -> str:
        """Path of a file in the cache, fetched when it isn't there or has another checksum."""
        path = Path(slicer.app.cachePath) / name
        if not path.exists() or (checksum and not _has_checksum(path, checksum)):
            self.logMessage(f"Requesting download {name} from {uri}", logging.INFO)
            with urllib.request.urlopen(uri) as response:
                path.write_bytes(response.read())
        if checksum and not _has_checksum(path, checksum):
            path.unlink()
            raise ValueError(f"{name} is damaged: its checksum isn't {checksum}")
        return str(path)


def _has_checksum(path: Path, checksum: str) -> bool:
    algorithm, _, digest = checksum.partition(":")
    return hashlib.new(algorithm.lower(), path.read_bytes()).hexdigest() == digest.lower()


def downloadSample(sampleName: str) -> Any:
    """Load the first node of a sample."""
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName: str) -> list[Any]:
    """Load all nodes of a sample."""
    return SampleDataLogic().downloadSamples(sampleName)
