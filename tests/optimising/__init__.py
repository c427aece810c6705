"""Files checked and models optimised in processes that may die."""
