"""The worker's HTTP face: health, metrics, webhooks."""
