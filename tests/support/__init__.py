"""What tests stand on: real servers, a fresh database each, real clients."""
