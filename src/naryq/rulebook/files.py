"""From the files of a rulebook to its text: read, judged by the catalogue, refused with file and line."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from naryq.messages import Code, DatedValue, LegalSource, Refusal, Rule, RulebookText
from naryq.rulebook.catalogue import Fault, digest_of, faults_of, missing, place_faults, provinces
from naryq.rulebook.plain_yaml import Node, Pairs, Reader

ABOUT_FILE: Final = "rulebook.yaml"


class _Draft(NamedTuple):
    """A rule as read from a file, and the lines of its own fields and of each value's fields."""

    path: str
    rule: Rule
    lines: Mapping[str, int]
    value_lines: tuple[Mapping[str, int], ...]

    def refusal(self, fault: Fault) -> Refusal:
        lines = self.lines if fault.position is None else self.value_lines[fault.position]
        return Refusal(fault.code, fault.what, where=f"{self.path}:{lines[fault.field]}", remedy=fault.remedy)


class _About(NamedTuple):
    """What rulebook.yaml says: the rulebook's name and the rulebook that it builds on."""

    name: str
    base: str | None


def _read_about(files: Mapping[str, str]) -> _About:
    paths = [path for path in files if PurePosixPath(path).name == ABOUT_FILE]
    if len(paths) != 1:
        what = f"a rulebook has one {ABOUT_FILE}, and here are {len(paths)}"
        remedy = f"Write {ABOUT_FILE} with name, title and description in the rulebook's folder."
        raise Refusal(Code.RULE_INVALID, what, where=paths[1] if paths else "", remedy=remedy)
    reader = Reader(paths[0])
    fields = reader.keys(reader.document(files[paths[0]]), ("name", "title", "description"), ("base",))
    texts = {key: reader.text(node, key) for key, node in fields.items()}
    for key in ("name", "base"):
        if key in texts and re.fullmatch(r"[a-z][a-z0-9-]{0,47}", texts[key]) is None:
            what = f"{key} is {texts[key]!r}"
            raise reader.refuse(fields[key].line, what, "Use at most 48 small letters, digits and hyphens.")
    return _About(texts["name"], texts.get("base"))


def base_name(files: Mapping[str, str]) -> str | None:
    """Return the name of the rulebook that these files build on, or None; refuses a wrong rulebook.yaml."""
    return _read_about(files).base


def _read_value(reader: Reader, node: Node) -> tuple[DatedValue, Mapping[str, int]]:
    fields = reader.keys(node, ("effective", "known", "value", "source"), ("until", "note"))
    source = reader.keys(fields["source"], ("act", "url"))
    value = DatedValue(
        effective=reader.text(fields["effective"], "effective"),
        known=reader.text(fields["known"], "known"),
        value=reader.value(fields["value"]),
        source=LegalSource(act=reader.text(source["act"], "act"), url=reader.text(source["url"], "url")),
        until=reader.text(fields["until"], "until") if "until" in fields else None,
        note=reader.text(fields["note"], "note") if "note" in fields else "",
    )
    places = fields["value"].pairs if isinstance(fields["value"], Pairs) else {}
    return value, {key: child.line for key, child in (*places.items(), *source.items(), *fields.items())}


def _read_rule(path: str, text: str, refusals: list[Refusal]) -> _Draft:
    """Read one file; what is wrong with a single value is noted in `refusals`, so that the others are read too."""
    reader = Reader(path)
    name = PurePosixPath(path)
    if name.suffix != ".yaml":
        raise reader.refuse(1, f"{name.name} does not end in .yaml", f"Rename it to {name.stem}.yaml.")
    fields = reader.keys(reader.document(text), ("rule", "title", "unit", "values"))
    rule = reader.text(fields["rule"], "rule")
    if rule != name.stem:
        what = f"the file {name.name} holds the rule {rule!r}"
        raise reader.refuse(fields["rule"].line, what, f"Name the file {rule}.yaml, or mend the rule's id.")
    read: list[tuple[DatedValue, Mapping[str, int]]] = []
    for node in reader.items(fields["values"], "values"):
        try:
            read.append(_read_value(reader, node))
        except Refusal as refusal:
            refusals.append(refusal)
    read.sort(key=lambda pair: (pair[0].effective, pair[0].known))
    values = tuple(value for value, _ in read)
    whole = Rule(rule, reader.text(fields["title"], "title"), reader.text(fields["unit"], "unit"), values)
    field_lines = {key: node.line for key, node in fields.items()}
    return _Draft(path, whole, field_lines, tuple(value_lines for _, value_lines in read))


def _read_drafts(files: Mapping[str, str], refusals: list[Refusal]) -> tuple[_Draft, ...]:
    """Read every rule file, in order of path; each file's first refusal, or each value's, is noted."""
    drafts: dict[str, _Draft] = {}
    for path in sorted(path for path in files if PurePosixPath(path).name != ABOUT_FILE):
        try:
            draft = _read_rule(path, files[path], refusals)
        except Refusal as refusal:
            refusals.append(refusal)
            continue
        other = drafts.setdefault(draft.rule.rule, draft)
        refusals.extend(draft.refusal(fault) for fault in faults_of(draft.rule))
        if other is not draft:
            what = f"the rule {draft.rule.rule!r} stands already in {other.path}"
            refusals.append(draft.refusal(Fault(None, "rule", what, "Keep one of the two files.")))
    return tuple(drafts.values())


def _assemble(
    about: _About, drafts: tuple[_Draft, ...], base: RulebookText | None, refusals: list[Refusal]
) -> RulebookText:
    """Put a rulebook's own rules over those of its base and judge the whole."""
    inherited = {rule.rule: rule for rule in base.rules} if base is not None else {}
    merged = {**inherited, **{draft.rule.rule: draft.rule for draft in drafts}}
    rules = tuple(merged[name] for name in sorted(merged))
    refusals.extend(_missing_refusals(about, rules))
    refusals.extend(_place_refusals(about, rules, {draft.rule.rule: draft for draft in drafts}))
    return RulebookText(name=about.name, digest=digest_of(rules), rules=rules)


def _missing_refusals(about: _About, rules: tuple[Rule, ...]) -> Iterator[Refusal]:
    for name in missing(rules):
        remedy = f"Add {name}.yaml: a venue cannot run without it."
        yield Refusal(Code.RULE_MISSING, f"the rule {name!r} is missing", where=f"rulebook {about.name}", remedy=remedy)


def _place_refusals(about: _About, rules: tuple[Rule, ...], drafts: Mapping[str, _Draft]) -> Iterator[Refusal]:
    """Yield a refusal for each unknown place; an inherited rule has one when the list of provinces was replaced."""
    places = provinces(rules)
    for rule in rules:
        for fault in place_faults(rule, places):
            where = f"rulebook {about.name}, rule {rule.rule} of its base"
            inherited = Refusal(fault.code, fault.what, where=where, remedy=fault.remedy)
            yield drafts[rule.rule].refusal(fault) if rule.rule in drafts else inherited


def _check_base(about: _About, base: RulebookText | None) -> None:
    given = base.name if base is not None else None
    if about.base != given:
        what = f"rulebook {about.name} builds on {about.base or 'no other'}, and {given or 'none'} was given"
        raise Refusal(Code.RULE_INVALID, what, where=ABOUT_FILE, remedy="Give the rulebook that base: names.")


def _read(files: Mapping[str, str], base: RulebookText | None) -> tuple[RulebookText | None, tuple[Refusal, ...]]:
    refusals: list[Refusal] = []
    try:
        about = _read_about(files)
        _check_base(about, base)
    except Refusal as refusal:
        return None, (refusal,)
    drafts = _read_drafts(files, refusals)
    # A rule that could not be read would be reported a second time as missing, so we judge the whole only then.
    text = None if refusals else _assemble(about, drafts, base, refusals)
    return text, tuple(refusals)


def problems(files: Mapping[str, str], *, base: RulebookText | None = None) -> tuple[Refusal, ...]:
    """Return everything that is wrong with a rulebook's files, in order of path; empty when all is in order."""
    return _read(files, base)[1]


def load(files: Mapping[str, str], *, base: RulebookText | None = None) -> RulebookText:
    """Read a rulebook from its files.

    Args:
        files: path -> text of each YAML file; one is `rulebook.yaml` (name, title, description, optional base).
        base: the rulebook that `base:` in rulebook.yaml names; a file of the same rule replaces its rule as a whole.

    Raises:
        Refusal: with the file, the line and what to do; the first of `problems`.
    """
    text, refusals = _read(files, base)
    if refusals:
        raise refusals[0]
    assert text is not None, "files without a fault make a rulebook"
    return text
