from worker.optimising.child import main

main()
