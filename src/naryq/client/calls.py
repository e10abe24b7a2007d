"""The commands and questions that traders use most, each with its own words; both clients have them."""

from typing import Any, Generic, Protocol, TypeVar

from naryq.messages import AmendOrder, AnyCommand, CancelAll, CancelOrder, OrderType, Side, SubmitOrder, TimeInForce

T_co = TypeVar("T_co", covariant=True)


class _Sends(Protocol[T_co]):
    def send(self, kind: type[AnyCommand], /, *, command_id: str | None = None, **fields: Any) -> T_co: ...


class Calls(Generic[T_co]):
    """What can be said in one word. `T_co` is `Taken`, or what is awaited for it."""

    def submit_order(
        self: _Sends[T_co],
        *,
        session_id: str,
        order_id: str,
        place: str,
        side: Side,
        price: int,
        lots: int,
        delivery: str | None = None,
        order_type: OrderType = "limit",
        time_in_force: TimeInForce = "session",
        post_only: bool = False,
        command_id: str | None = None,
    ) -> T_co:
        """Send an order: `price` is tenge a tonne without VAT, and 0 for a market order.

        Raises:
            Refusal: why the venue does not take it.
        """
        return self.send(
            SubmitOrder,
            command_id=command_id,
            session_id=session_id,
            order_id=order_id,
            place=place,
            side=side,
            price_tenge_per_tonne=price,
            quantity_lots=lots,
            delivery=delivery,
            order_type=order_type,
            time_in_force=time_in_force,
            post_only=post_only,
        )

    def amend_order(
        self: _Sends[T_co],
        *,
        session_id: str,
        order_id: str,
        price: int | None = None,
        lots: int | None = None,
        command_id: str | None = None,
    ) -> T_co:
        """Give an open order another price, another open quantity, or both."""
        named = {"session_id": session_id, "order_id": order_id}
        return self.send(AmendOrder, command_id=command_id, **named, price_tenge_per_tonne=price, quantity_lots=lots)

    def cancel_order(self: _Sends[T_co], *, session_id: str, order_id: str, command_id: str | None = None) -> T_co:
        """Take an order back."""
        return self.send(CancelOrder, command_id=command_id, session_id=session_id, order_id=order_id)

    def cancel_all(self: _Sends[T_co], *, session_id: str | None = None, command_id: str | None = None) -> T_co:
        """Take all one's own orders back, in one session or in all."""
        return self.send(CancelAll, command_id=command_id, session_id=session_id)
