"""How a price is found."""
