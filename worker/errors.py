"""What can go wrong in a way that a person can put right.

MeshqueueError            the base; its text says what is wrong, where, and what to do
├── SettingsError         the environment is incomplete or contradicts itself
├── UnreachableError      the database does not answer now (daemon.reach)
├── EmbeddedPostgresError the Postgres in a folder can't be found or does not start
├── ModelFileError        a model's file can't be found, read, understood or written
├── SchemaError           the database can't be brought up to date (its own tree: schema.errors)
├── RefusedError          the database refuses a request of `make` or `demo` (local.user)
├── OperatingError        an operator's command can't be done (operating.errors)
├── NotMadeError          the job of `make` ended without a model (cli.make)
├── SmokeError            a step of `smoke` failed (smoke.errors)
└── SimulatorError        the simulator was asked for something that it can't do (simulator.errors)

Apart from it stands glb.errors.GlbError, a ValueError: the optimiser imports nothing of the rest.
"""


class MeshqueueError(Exception):
    """Printed without a traceback by the command, which then ends with code 2, unless said."""


class SettingsError(MeshqueueError):
    """Correct the variable that the text names."""


class UnreachableError(MeshqueueError):
    """Starting again later may help, so the command ends with code 1."""


class EmbeddedPostgresError(MeshqueueError):
    """Do what the text says, or set DATABASE_URL to a Postgres of your own."""


class ModelFileError(MeshqueueError):
    """Put another file, or another place to write to, where the text says."""
