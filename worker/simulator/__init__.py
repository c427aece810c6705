"""The providers' APIs on loopback, with scripted faults and an account book of their own."""

from worker.simulator.book import Book, BookedDelivery, BookedDownload, BookedRequest, BookedTask
from worker.simulator.errors import SimulatorError
from worker.simulator.fault import Fault
from worker.simulator.script import Rule
from worker.simulator.server import Simulator

__all__ = [
    "Book",
    "BookedDelivery",
    "BookedDownload",
    "BookedRequest",
    "BookedTask",
    "Fault",
    "Rule",
    "Simulator",
    "SimulatorError",
]
