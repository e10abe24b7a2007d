"""Readers of public market data: orders, messages and networks in the layouts that their publishers describe."""
