"""Workers die, networks fail, databases go away: nothing is lost, nothing paid twice."""
