"""Many users, some workers, everything goes wrong at random: at the end both sides' books agree."""
