"""What the tests use in the place of AWS and of a shop: one Kinesis, one table, one way to make an event."""

from tests.doubles.events import (
    DEAD_LETTER as DEAD_LETTER,
)
from tests.doubles.events import (
    FIRST as FIRST,
)
from tests.doubles.events import (
    NOON as NOON,
)
from tests.doubles.events import (
    PIPE_BATCH as PIPE_BATCH,
)
from tests.doubles.events import (
    SAMPLE as SAMPLE,
)
from tests.doubles.events import (
    SHARD as SHARD,
)
from tests.doubles.events import (
    STEP as STEP,
)
from tests.doubles.events import (
    added as added,
)
from tests.doubles.events import (
    decremented as decremented,
)
from tests.doubles.events import (
    event as event,
)
from tests.doubles.events import (
    flat as flat,
)
from tests.doubles.events import (
    incremented as incremented,
)
from tests.doubles.events import (
    place as place,
)
from tests.doubles.events import (
    record as record,
)
from tests.doubles.events import (
    removed as removed,
)
