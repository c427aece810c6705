"""GLB files on this machine: optimised and looked at, with no queue and no account."""
