"""How long an examination waits, by name: with every host dead it still ends within 15 seconds."""

ALTOGETHER = 13.0  # s
A_CHECK = 10.0
A_NAME = 3.0  # to look a host's name up
CONNECT = 4  # s, whole ones for libpq
STATEMENT = "4s"
ANSWER = 5.0  # for a server that does not even say that the statement took too long
A_NOTIFICATION = 3.0
A_PAGE = 4.0  # of our own HTTP face, or of a provider
