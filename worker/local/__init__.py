"""The whole pipeline on one machine, with no account anywhere: what `make` and `demo` use."""
