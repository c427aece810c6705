"""What happens to a job: its stages at the providers, its delivery, and the upkeep around them."""
