"""The tick stream: from trades in the order of their arrival to bars and alerts in event time."""
