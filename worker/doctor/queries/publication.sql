select tablename from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public'
