"""Sessions over one instrument as scripts that a trader can read: one line an order, and what the limits made of it.

rules     hold_rise 700              a rule of the sample rulebook
people    seller s1 s2 s3            admitted besides those of the small country
group     b1 b2                      affiliates
reference 100000                     what the session before has traded at
11:00     s1 sell 104000 5 as a      an order in the continuous session; `-> code` where it is refused
11:05     phase call                 the operator changes the phase; `-> code` where it is refused
11:06     stop region KZ-47          the regulator stops trading, and `resume` lifts it
trades    104000 5, 104500 1         all trades since the last `trades` line, in order; `-` for none
limit     hold_rise 108000 107000    the next limit that acted: its rule, the value, the threshold
phase     halted                     the phase of the session
gone      a b                        the orders that were cancelled since the last `gone` line
widened   107000 108500 11:30        the next widening of the band: before, after, from when
published hold_rise 104000 105500    the session ends: the limits that acted, the average, and what it would have been
"""

from typing import Any

from tests.trading_samples import REGIONAL, asked, over, venue
from tests.venue_samples import DAY, Desk, instant, rulebook

from naryq.messages import (
    AdmitParticipant,
    BandWidened,
    ChangePhase,
    CloseSession,
    DeclareAffiliation,
    LimitReached,
    OpenSession,
    OrderCancelled,
    PublishSession,
    ResumeTrading,
    StopTrading,
    SubmitOrder,
    Traded,
)

BEFORE = "2021-12-30"


class LimitScript:
    """Plays a script line by line; a line that does not come true fails with itself as the message."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        self.desk: Desk | None = None
        self.people: list[tuple[str, str]] = []
        self.events: list[Any] = []
        self.open = False
        for line in text.strip().split("\n"):
            self.line = line.strip()
            if self.line and not self.line.startswith("#"):
                self.play(*self.line.split())
        assert self.at_work.findings == []

    @property
    def at_work(self) -> Desk:
        """The venue on the day before, which opens with the first line that is not about rules or people."""
        if self.desk is None:
            self.desk = venue(rulebook(**self.rules), BEFORE)
            for person, role in self.people:
                self.desk.must(AdmitParticipant, "operator", participant_id=person, name=person, role=role)
        return self.desk

    def play(self, first: str, *words: str) -> None:
        """Play one line."""
        if ":" not in first:
            getattr(self, f"_{first}")(*words)
            return
        self._begin()
        desk = self.at_work
        desk.at_ns = max(desk.at_ns + 1, instant(first, DAY))
        words, refusal = (words[:-2], words[-1]) if "->" in words else (words, None)
        answer = self._asked(*words)
        assert answer.code == refusal, f"{self.line}: {answer.events[0]}"
        self.events += [] if refusal else answer.events

    def _published(self, limits: str, *averages: str) -> None:
        desk = self.at_work
        desk.at_ns = desk.state.sessions["day"].opened.closes_at_ns
        desk.must(CloseSession, "operator", session_id="day")
        event = desk.must(PublishSession, "operator", session_id="day")
        found = (event.weighted_average_tenge_per_tonne, event.uncapped_average_tenge_per_tonne)
        told = (",".join(event.limits) or "-", *("-" if each is None else str(each) for each in found))
        assert told == (limits, *averages), f"{self.line}: {event}"

    def _asked(self, first: str, *words: str) -> Any:
        desk = self.at_work
        if first == "phase":
            return desk.give(ChangePhase, "operator", session_id="day", phase=words[0], reason="by the script")
        if first in ("stop", "resume"):
            kind = StopTrading if first == "stop" else ResumeTrading
            target = {"target": words[1]} if len(words) > 1 else {}
            return desk.give(kind, "regulator", scope=words[0], reason="by the script", **target)
        if first == "close":
            return desk.give(CloseSession, "operator", session_id="day")
        side, price, lots, *name = words
        changes = {"delivery": "KZ-47"} if side == "buy" else {}
        fields = asked(name[-1] if name else f"o{len(desk.rows)}", side, int(price), int(lots), **changes)
        return desk.give(SubmitOrder, first, **fields)

    def _begin(self) -> None:
        """Open the day's session at the first line with a time."""
        if not self.open:
            self.open = True
            desk = self.at_work
            desk.at_ns = max(desk.at_ns, instant("10:00", DAY))
            desk.must(OpenSession, "operator", **over("continuous"))
            assert desk.state.sessions["day"].opened.instrument == REGIONAL

    # --- What is set up -----------------------------------------------------------------------------------------

    def _rules(self, name: str, *value: str) -> None:
        words = [int(word) if word.lstrip("-").isdigit() else word for word in value]
        self.rules[name] = tuple(words) if name.startswith("who_may") else words[0]

    def _people(self, role: str, *names: str) -> None:
        self.people += [(name, role) for name in names]

    def _group(self, first: str, second: str) -> None:
        fields = {"participant_id": first, "affiliate_id": second, "evidence": "one owner"}
        self.at_work.must(DeclareAffiliation, "operator", **fields)

    def _reference(self, price: str) -> None:
        """Trade one lot at a price on the day before."""
        desk = self.at_work
        opened = desk.must(OpenSession, "operator", **over("continuous", "before", day=BEFORE))
        desk.at_ns = opened.opens_at_ns
        self._trade_once(desk, int(price))

    def _trade_once(self, desk: Desk, price: int) -> None:
        for person, side in (("zhanaozen", "sell"), ("aktau", "buy")):
            changes = {"delivery": "KZ-47"} if side == "buy" else {}
            fields = asked(f"before-{side}", side, price, 1, session_id="before", **changes)
            desk.must(SubmitOrder, person, **fields)
        desk.at_ns = desk.state.sessions["before"].opened.closes_at_ns
        desk.must(CloseSession, "operator", session_id="before")

    # --- What must come out -------------------------------------------------------------------------------------

    def expect(self, found: object, told: object) -> None:
        """Compare one outcome with what the line says."""
        assert found == told, f"{self.line}: found {found}"

    def _take(self, kind: type) -> list[Any]:
        found = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return found

    def _trades(self, *words: str) -> None:
        told = [] if words == ("-",) else [tuple(map(int, pair.split())) for pair in " ".join(words).split(",")]
        self.expect([(e.price_tenge_per_tonne, e.quantity_lots) for e in self._take(Traded)], told)

    def _limit(self, rule: str, *words: str) -> None:
        reached = self._take(LimitReached)
        if rule == "-":
            self.expect(reached, [])
            return
        self.expect([(e.limit, e.value, e.threshold) for e in reached[:1]], [(rule, *map(int, words))])
        self.events += reached[1:]

    def _phase(self, phase: str) -> None:
        self.expect(self.at_work.state.sessions["day"].phase, phase)

    def _gone(self, *names: str) -> None:
        self.expect([event.order_id for event in self._take(OrderCancelled)], [] if names == ("-",) else list(names))

    def _widened(self, *words: str) -> None:
        if words == ("-",):
            self.expect(self._take(BandWidened), [])
            return
        found_events = self._take(BandWidened)
        assert len(found_events) == 1, f"{self.line}: found {found_events}"
        event = found_events[0]
        told = (int(words[0]), int(words[1]), instant(words[2], DAY))
        found = (event.highest_before_tenge_per_tonne, event.highest_after_tenge_per_tonne, event.effective_at_ns)
        assert found[:2] == told[:2], f"{self.line}: found {found}"
        assert 0 <= found[2] - told[2] < 60 * 10**9, f"{self.line}: found {found}"
