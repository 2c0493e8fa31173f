"""What every stage and command shares: errors, files, paths, parameters, the command line. Imports no torch."""
