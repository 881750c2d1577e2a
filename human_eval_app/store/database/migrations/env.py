"""What Alembic runs: the steps, in the transaction of the connection that `migrate` beside it hands over."""

from alembic import context

from human_eval_app.store.database.migrate import VERSION_TABLE
from human_eval_app.store.database.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
