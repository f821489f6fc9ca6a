"""Sites that move to the kit while they are in use."""
