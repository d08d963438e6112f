"""What is wrong becomes an alert, an alert becomes notifications, and a process of its own delivers them."""
