"""What people touch: command line, run store, jobs, reports and the Textual application."""
