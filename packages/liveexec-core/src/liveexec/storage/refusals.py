"""Why a store refuses: the same errors, in the same words, from both stores."""

from liveexec.domain.stored import AppendBatch, ProjectionBatch
from liveexec.errors import Fenced, InvariantViolation, JournalConflict

__all__ = [
    "batch_differs",
    "batch_does_not_follow",
    "epoch_is_over",
    "projection_refusal",
    "rows_are_taken",
    "shard_is_held",
]


def epoch_is_over(shard: str, epoch: int) -> Fenced:
    """Another owner took the shard, so nothing was written."""
    return Fenced(f"shard {shard}: epoch {epoch} is over, another owner is in")


def shard_is_held(shard: str, owner: str, remaining_s: float) -> Fenced:
    """Another owner's lease holds."""
    return Fenced(f"shard {shard} is owned by {owner!r}, whose lease holds for {remaining_s:.1f} s more")


def batch_does_not_follow(batch: AppendBatch, head_batch: int, head_position: int) -> JournalConflict:
    """The batch is not the next one, or begins at another position."""
    return JournalConflict(
        f"shard {batch.shard}: batch {batch.batch} at position {batch.first_position} does not follow "
        f"batch {head_batch}, which ends at {head_position}"
    )


def batch_differs(batch: AppendBatch) -> JournalConflict:
    """The batch's number was used for something else."""
    return JournalConflict(f"shard {batch.shard}: batch {batch.batch} is in the journal with other content")


def projection_refusal(batch: ProjectionBatch, projected_through: int, position: int) -> InvariantViolation | None:
    """What is wrong with a batch that does not begin where the tables stand; nothing when they stand at its end."""
    if position < batch.through:
        return InvariantViolation(
            f"shard {batch.shard}: records up to {batch.through} were to be projected, the journal ends at {position}"
        )
    if projected_through == batch.through:
        return None
    return InvariantViolation(
        f"shard {batch.shard}: a projection of the records after {batch.after} up to {batch.through} does not follow "
        f"the tables, which stand at {projected_through}"
    )


def rows_are_taken(part: str, taken: int, given: int) -> InvariantViolation:
    """Keys that must be unique are there already for something else."""
    return InvariantViolation(
        f"projecting {part}: {taken} of {given} rows are stored already for another order, operation or shard"
    )
