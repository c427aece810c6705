"""Waits as named as in production, only shorter: a fault must show within a test's time."""

from worker.storage.supabase.patience import Patience

FAST = Patience(
    connect=5, write=5, answer=5, pause_first=0.001, pause_most=0.01, asked_pause_most=2
)
