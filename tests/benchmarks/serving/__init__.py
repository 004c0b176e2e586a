"""What a server with logins bears: several users at once for minutes, and being killed."""
