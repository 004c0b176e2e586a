"""Who may ask: users with passwords and tokens, logins, and the limits of what a request may carry."""
