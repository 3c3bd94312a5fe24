"""Splits JavaScript into tokens, as far as is needed to tell code from comments, strings and regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SPACE = re.compile(r"[\s\ufeff]+|//[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[\w$\u0080-\uffff\U00010000-\U0010ffff#]+|\\u[0-9a-fA-F{}]+")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_REGEXP = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_TEMPLATE_TEXT = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*", re.DOTALL)
_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
# After these words an expression begins, so a slash begins a regular expression.
_WORDS_BEFORE_EXPRESSION = "return typeof case do else in of instanceof new delete void throw yield await default"
_BEFORE_EXPRESSION = frozenset(_WORDS_BEFORE_EXPRESSION.split())


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is word, text (a string, or a template without holes), template, regexp or mark; lines count from 1."""

    kind: str
    value: str
    line: int


class UnreadableSourceError(Exception):
    """The text cannot be told apart into tokens; `line` is where."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


def tokens(source: str) -> list[Token]:
    """All tokens but space and comments. Raises UnreadableSourceError."""
    return list(_Scanner(source).scan())


class _Scanner:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.line = 1
        self.last: Token | None = None
        self.braces: list[bool] = []  # True: a placeholder of a template ends here

    def scan(self) -> Iterator[Token]:
        if self.source.startswith("#!"):
            self._skip(self.source.find("\n") if "\n" in self.source else len(self.source))
        while self._past_space() < len(self.source):
            token = self._token()
            self.last = token
            yield token
        if self.braces:
            raise UnreadableSourceError("a brace is not closed", self.line)

    def _past_space(self) -> int:
        while found := _SPACE.match(self.source, self.at):
            self._skip(found.end())
        return self.at

    def _skip(self, end: int) -> str:
        text = self.source[self.at : end]
        self.line += text.count("\n")
        self.at = end
        return text

    def _token(self) -> Token:
        line = self.line
        character = self.source[self.at]
        if found := _WORD.match(self.source, self.at):
            return Token("word", self._skip(found.end()), line)
        if character in "'\"":
            return Token("text", unescaped(self._matched(_STRING, "a string is not closed")[1:-1]), line)
        if character == "`":
            self._skip(self.at + 1)
            return self._template(line)
        if character == "/" and self._expression_begins() and (found := _REGEXP.match(self.source, self.at)):
            return Token("regexp", self._skip(found.end()), line)
        return self._mark(line)

    def _mark(self, line: int) -> Token:
        character = self._skip(self.at + 1)
        if character == "{":
            self.braces.append(False)
        elif character == "}":
            if not self.braces:
                raise UnreadableSourceError("a brace is closed that was not opened", line)
            if self.braces.pop():
                return self._template(line)
        return Token("mark", character, line)

    def _template(self, line: int) -> Token:
        """Text of a template up to its end or to the next placeholder."""
        whole = self.source[self.at - 1] == "`"
        text = self._matched(_TEMPLATE_TEXT, "a template is not closed")
        if self.source.startswith("${", self.at):
            self._skip(self.at + 2)
            self.braces.append(True)
            return Token("template", text, line)
        if not self.source.startswith("`", self.at):
            raise UnreadableSourceError("a template is not closed", line)
        self._skip(self.at + 1)
        return Token("text" if whole else "template", unescaped(text), line)

    def _matched(self, pattern: re.Pattern[str], complaint: str) -> str:
        found = pattern.match(self.source, self.at)
        if found is None:
            raise UnreadableSourceError(complaint, self.line)
        return self._skip(found.end())

    def _expression_begins(self) -> bool:
        """May an expression begin here (or is a slash a division)?"""
        if self.last is None:
            return True
        if self.last.kind == "word":
            return self.last.value in _BEFORE_EXPRESSION
        return self.last.kind == "mark" and self.last.value not in ")]}"


def unescaped(text: str) -> str:
    """A string literal's value."""
    return _ESCAPE.sub(lambda found: _character(found[1]), text) if "\\" in text else text


def _character(escape: str) -> str:
    if len(escape) > 1:
        return chr(int(escape[1:].strip("{}"), 16) % 0x110000)
    return _SIMPLE_ESCAPES.get(escape, escape)
