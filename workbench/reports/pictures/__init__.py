"""Pictures of runs, for papers and for reports in HTML; matplotlib is imported only to draw them.

- `subjects`: what stands beside each other in a picture: labels with their runs
- `forest`, `reliability`, `cutoffs`, `tradeoff`, `groups`: each reads what it shows, and draws it
- `kinds`: their names, and ``KIND=FILE`` of the command line
- `drawing`: matplotlib, with the one style of all (`pictures.mplstyle`)
- `page`: those of a report in HTML
"""
