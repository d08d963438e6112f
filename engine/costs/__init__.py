"""What the pipelines cost and would cost: prices, formulas and scenarios, without a database, a screen, the network or a disk."""
