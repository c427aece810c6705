"""What an operator sees of a worker from outside: metrics, traces, alarms.

instruments  what this process counts
families     what the database counts, for all workers alike
steps        the steps of a job, timed and shown as spans
chronicle    what became of each run that this worker held
lag          how late the event loop is
traces       one trace a job, to an OpenTelemetry collector
alarms       what is wrong, told to a webhook: wording, webhook

`instruments` and `steps` import nothing of the rest, so that every room may use them.
"""
