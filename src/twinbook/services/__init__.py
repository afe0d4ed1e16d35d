"""What people do, a verb a module. A use case loads, lets the domain decide, records and commits."""
