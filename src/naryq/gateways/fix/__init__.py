"""The FIX 4.4 acceptor: the session as a machine, the sockets around it, and orders and market data over them."""
