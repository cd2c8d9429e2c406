"""Where everything durable lies: SQLModel rows and Alembic migrations on SQLite or PostgreSQL.

Services never see a row: they read and write domain values through the ports of `bot.services.ports`, and all that one
`Store.begin()` block does is committed together.
"""
