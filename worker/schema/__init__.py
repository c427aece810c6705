"""Brings a database up to date.

`sources`     reads the migrations, the function files and procrastinate's own schema
`history`     is what the database says was applied
`pending`     compares the two and yields steps; a step is one transaction
`migrate`     runs the steps; `bundle` prints them as one SQL file
`platform`    makes a plain Postgres look like a Supabase project
`snapshot`    lists everything in the catalog, to compare two databases
"""
