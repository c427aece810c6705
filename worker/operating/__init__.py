"""What an operator asks and does, on one connection. Nothing here prints.

desk, queries        the connection, and the SQL that is asked on it
people, finding      who and which job is meant by a reference
listing, dossier     jobs in a list, and everything about one
timeline, situation  when its stages waited and ran; what it waits for now, and what can be done
changing             retry and cancel
accounts, audit      credits, and the proof that everything adds up
providers, glance    slots, pauses, spending; the whole at one moment
spans                times as people write them
"""
