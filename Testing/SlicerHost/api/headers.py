"""Reads C++ headers of Qt, CTK and Slicer and says which members of a class Python code may use.

Only facts leave this module: names of classes and members and the signatures of signals. It is a reader of
declarations, not a C++ compiler: comments, strings and bodies are blanked, then the text of a class is split into
statements. That is enough for the headers in question, which follow Qt's habits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

KINDS = ("property", "method", "slot", "signal", "enum", "protected")

_COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_DISABLED = re.compile(r"^[ \t]*#[ \t]*if[ \t]+0\b.*?^[ \t]*#[ \t]*endif[^\n]*", re.DOTALL | re.MULTILINE)
_CONTINUED = re.compile(r"\\\n")
_DIRECTIVE = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
_CLASS = re.compile(
    r"\b(?P<what>class|struct|namespace)\s+(?:[A-Z_0-9]+(?:\([^)]*\))?\s+)*(?P<name>[A-Za-z_]\w*)\s*(?:final\s*)?"
    r"(?::(?P<bases>[^;{]*))?\{"
)
_ACCESS = re.compile(r"\s*(public|protected|private)?\s*(slots|Q_SLOTS|signals|Q_SIGNALS)?\s*:(?!:)")
_PROPERTY = re.compile(r"\bQ_PROPERTY\(\s*(?P<body>[^)]*(?:\([^)]*\)[^)]*)*)\)")
_ENUM = re.compile(r"\benum\s+(?:class\s+|struct\s+)?(?:\w+\s*)?(?::\s*[\w: ]+)?\{(?P<body>[^}]*)\}")
_NOISE = re.compile(r"\b(?:QT_\w+|Q_(?!INVOKABLE)[A-Z_0-9]+)\b(?:\s*\([^()]*\))?")
_MARKS = re.compile(
    r"\b(?:Q_OBJECT|QDOC_PROPERTY\([^()]*\)|Q_GADGET|QVTK_OBJECT|QT_DEPRECATED(?!\w)|Q_(?!INVOKABLE|SLOTS|SIGNALS)[A-Z_0-9]+\([^()]*\))"
)
_NOT_A_METHOD = re.compile(
    r"^\s*(?:typedef|using|friend|template|static_assert|class|struct|operator)\b|\boperator\b|~"
)


@dataclass
class ClassFacts:
    """The public face of one class: its bases and its member names by kind (see KINDS).

    `protected` is kept for Qt only: what a subclass may override or call, virtual functions included.
    """

    name: str
    bases: list[str]
    members: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KINDS})


def read_classes(header: Path, *, all_public: bool) -> Iterator[ClassFacts]:
    """Yield the facts of each class that `header` defines.

    Args:
        header: a C++ header.
        all_public: True for Qt, whose wrapper shows every public method to Python. False for CTK and Slicer: there
            PythonQt sees only what moc sees, that is properties, slots, signals and Q_INVOKABLE methods.
    """
    text = header.read_text(encoding="utf-8", errors="replace")
    text = _COMMENT_OR_STRING.sub(lambda match: '""' if match[0][0] == '"' else " ", text)
    text = _DIRECTIVE.sub("", _DISABLED.sub("", _CONTINUED.sub(" ", text)))
    for match in _CLASS.finditer(text):
        body = _balanced(text, match.end() - 1)
        bases = _bases(match["bases"] or "")
        facts = ClassFacts(match["name"], bases)
        _read_body(facts, body, public=match["what"] != "class", all_public=all_public)
        if any(facts.members.values()) or bases:
            yield facts


def read_decorators(header: Path) -> Iterator[tuple[str, str]]:
    """Yield (class, method) for the methods that a `*PythonQtDecorators.h` gives to a class for Python only."""
    for facts_class in read_classes(header, all_public=True):
        if not facts_class.name.endswith("PythonQtDecorators"):
            continue
        text = header.read_text(encoding="utf-8", errors="replace")
        for name in facts_class.members["slot"]:
            if static := re.fullmatch(r"static_(\w+?)_(\w+)", name):
                yield static[1], static[2]
            elif owner := re.search(rf"\b{name}\(\s*(?:const\s+)?(\w+)\s*\*", text):
                yield owner[1], name


def normalized_signature(signature: str) -> str:
    """The spelling that Qt's meta-object uses: no spaces, no `const` and `&` around values, no argument names."""
    name, _, arguments = signature.partition("(")
    types = [normalized_type(part) for part in _split_arguments(arguments.rsplit(")", 1)[0])]
    return f"{name.strip()}({','.join(kind for kind in types if kind and kind != 'QPrivateSignal')})"


def normalized_type(text: str) -> str:
    """One argument's type as Qt's meta-object spells it; `text` may carry a name and a default value."""
    text = re.sub(r"=.*", "", text, flags=re.DOTALL).strip()
    text = re.sub(r"\s*([*&<>,])\s*", r"\1", text)
    named = re.fullmatch(r"(.*[\s*&>])(\w+)", text)
    if named and named[1].strip() not in {"const", "unsigned", "long", "signed"}:
        text = named[1].strip()
    if text.endswith("&") or not text.endswith("*"):
        text = re.sub(r"^const\s+", "", text).removesuffix("&")
    return re.sub(r"\b(?:class|struct|enum)\s+", "", text).replace(" ", "") if "unsigned" not in text else text


def _read_body(facts: ClassFacts, body: str, *, public: bool, all_public: bool) -> None:
    for match in _PROPERTY.finditer(body):
        words = re.sub(r"[*&]", " ", match["body"]).split()
        reader = next((i for i, word in enumerate(words) if word in {"READ", "MEMBER"}), 0)
        if reader > 0:
            facts.members["property"].add(words[reader - 1])
    body = _MARKS.sub(" ", _PROPERTY.sub("", body))
    section = "public" if public else "private"
    for statement in _statements(body):
        while access := _ACCESS.match(statement):
            if not (access[1] or access[2]):
                break
            kind = {"slots": "slot", "Q_SLOTS": "slot"}.get(access[2] or "", "")
            section = "signal" if access[2] in {"signals", "Q_SIGNALS"} else (access[1] or "") + kind
            statement = statement[access.end() :]
        if section.startswith("protected") and all_public:
            _read_statement(facts, statement, "protected", all_public=True)
        if section.startswith("public") or section == "signal":
            _read_statement(facts, statement, section, all_public=all_public)


def _read_statement(facts: ClassFacts, statement: str, section: str, *, all_public: bool) -> None:
    if (match := _ENUM.search(statement)) and section != "protected":
        for item in match["body"].split(","):
            if name := re.match(r"\s*(\w+)", item):
                facts.members["enum"].add(name[1])
        return
    invokable = "Q_INVOKABLE" in statement
    if all_public and re.search(r"\bvirtual\b|\boverride\b", statement) and section != "protected":
        _read_statement(facts, statement, "protected", all_public=True)
    statement = re.sub(r"\b[A-Z_0-9]{4,}\([^()]*\)", " ", _NOISE.sub(" ", statement.replace("Q_INVOKABLE", " ")))
    declared = re.match(
        r"^(?P<type>[^(=]*?[\s*&>])(?P<name>[A-Za-z_]\w*)\s*(?P<arguments>\(.*\))", statement, re.DOTALL
    )
    if declared is None or _NOT_A_METHOD.search(statement.split("(")[0]) or declared["name"] == facts.name:
        return
    name = declared["name"]
    if section == "signal":
        arguments = _split_arguments(_balanced(statement, statement.index("(", declared.start("name")), "()"))
        for count in range(len(arguments), -1, -1):  # a default argument gives a second signal without it
            facts.members["signal"].add(normalized_signature(f"{name}({','.join(arguments[:count])})"))
            if count and "=" not in arguments[count - 1] and arguments[count - 1].strip() != "QPrivateSignal":
                break
    elif section == "protected":
        facts.members["protected"].add(name)
    elif section == "publicslot":
        facts.members["slot"].add(name)
    elif section == "public" and (all_public or invokable):
        facts.members["method"].add(name)


def _statements(body: str) -> Iterator[str]:
    """Split a class body at its top-level `;` and at the closing brace of inline bodies."""
    start = depth = 0
    for at, character in enumerate(body):
        if character in "({[":
            depth += 1
        elif character in ")}]":
            depth -= 1
            if depth == 0 and character == "}":
                yield body[start : at + 1].strip()
                start = at + 1
        elif character == ";" and depth == 0:
            yield body[start:at].strip().lstrip(";")
            start = at + 1


def _balanced(text: str, start: int, pair: str = "{}") -> str:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == pair[0]) - (text[at] == pair[1])
        if depth == 0:
            return text[start + 1 : at]
    return text[start + 1 :]


def _split_arguments(text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character in "<({") - (character in ">)}")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part for part in [*parts, current] if part.strip()]


def _bases(text: str) -> list[str]:
    found = re.findall(r"public\s+(?:virtual\s+)?([A-Za-z_]\w*)", text)
    return [name for name in found if name[0] in "Qqc"]
