"""Supabase Storage: small files by the `supabase` client, large ones resumable."""

from worker.storage.supabase.storage import SupabaseStorage

__all__ = ["SupabaseStorage"]
