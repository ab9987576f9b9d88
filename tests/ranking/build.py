"""The ratings and batches of `recsys_core.testing`."""

from recsys_core.testing.rated import LAYOUT as LAYOUT
from recsys_core.testing.rated import N_ITEMS as N_ITEMS
from recsys_core.testing.rated import N_USERS as N_USERS
from recsys_core.testing.rated import batch as batch
from recsys_core.testing.rated import dataset as dataset
from recsys_core.testing.rated import schema as schema
from recsys_core.testing.rated import split as split
from recsys_core.testing.rated import wider as wider
